/**
 * The same words for times, asked of Litestream and of us. Litestream tells which time it took them
 * for; what we take them for lies between what it would be just before and just after.
 */

import { utimesSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseTime } from "../../src/parse-time.ts";
import { Litestream, litestreamProblem } from "../support/litestream.ts";
import { ReplicaBuilder } from "../support/replica-builder.ts";

/** None that differs from the other by the day on which it is asked. */
const TIMES = [
  ...["now", "today", "yesterday", "1 second ago", "5 minutes ago", "5 mins ago", "5 min ago"],
  ...["a minute ago", "an hour ago", "2h ago", "30s ago", "10m ago", "2 hours 30 minutes ago"],
  ...["1.5 hours ago", "-5 minutes", "5 minutes", "1 hour 30 minutes", "3 days", "3 days ago"],
  ...["a week ago", "2 weeks ago", "last week"],
  ...["yesterday 10:30", "yesterday at 10:30", "2 days ago at 10:30", "yesterday midnight"],
  ...["midnight", "Monday", "Wednesday", "Sunday", "on Monday"],
  ...["2026-01-15", "2026-01-15 10:30", "2026-01-15 10:30:00", "2026-01-15T10:30:00"],
  ...["2026-01-15T10:30:00Z", "2026-01-15T10:30Z", "2026-01-15T10:30:00.5+02:00"],
  ...["2026-01-15 10:30:00 UTC", "2026-01-15 10:30:00 +0200", "2026/01/15", "15.01.2026"],
  ...["01/15/2026", "15/01/2026", "15 Jan 2026", "Jan 15 2026", "January 15, 2026 10:30 PM"],
  ...["Jan 15", "15 January", "Thu, 15 Jan 2026 10:30:00 GMT", "yesterday at 3pm EST"],
  ...["2026-01-15 10:30:00.5 UTC", "2026-01-15T10:30:00.5+0200", "3 days ago at 10:30:15.25"],
  ...["1768473000", "1768473000123"],
] as const;

const problem = litestreamProblem();

describe("a time in words", () => {
  it.skipIf(problem)(`is the one that Litestream takes it for (${problem ?? "run"})`, async () => {
    const builder = new ReplicaBuilder();
    await builder.commit("create table t(a)");
    // Old enough for all of them.
    utimesSync(builder.pathOf(0, 1), 0, 1e9);
    const litestream = new Litestream({ url: builder.url });
    await litestream.open();
    for (const text of TIMES) {
      const before = parseTime(text, Date.now()) ?? Number.NaN;
      await litestream.exec(`pragma litestream_time = '${text}'`);
      const after = parseTime(text, Date.now()) ?? Number.NaN;
      const theirs = Date.parse(String(await litestream.value("pragma litestream_time")));
      const told = `${text} is ${new Date(theirs).toISOString()}`;
      expect(theirs, told).toBeGreaterThanOrEqual(before);
      expect(theirs, told).toBeLessThanOrEqual(after);
    }
    await litestream.end();
  });
});
