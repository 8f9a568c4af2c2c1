import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { logEvent, openLog } from "../src/litestream/event-log.ts";
import { tempDir } from "./support/temp-dir.ts";

const clock = { nowMs: () => Date.UTC(2026, 0, 15, 10, 30) };
const TIME = "time=2026-01-15T10:30:00.000Z";
const REPLICA = "s3://bucket/app.db";

it("a file gets what is as bad as wanted, one line each, after what it has", () => {
  const logFile = join(tempDir(), "litestream.log");
  const info = openLog({ logFile, logLevel: undefined }, clock);
  const error = { code: "STORE_UNAVAILABLE", message: 'the store says "no"' };
  logEvent(info, REPLICA, { type: "synced", txid: 26n, seq: 1, bytes: 331, durationMs: 1.7 });
  logEvent(info, REPLICA, { type: "remoteCommit", txid: 27n });
  const debug = openLog({ logFile, logLevel: "DEBUG" }, clock);
  logEvent(debug, REPLICA, { type: "remoteCommit", txid: 28n });
  logEvent(debug, REPLICA, { type: "syncFailed", error, willRetry: true, durationMs: 12.4 });
  const errors = openLog({ logFile, logLevel: "ERROR" }, clock);
  logEvent(errors, REPLICA, { type: "syncFailed", error, willRetry: true, durationMs: 12.4 });
  logEvent(errors, REPLICA, { type: "fenced", reason: "two\nlines" });
  const on = `replica=${REPLICA}`;
  const synced = "txid=000000000000001a seq=1 bytes=331 durationMs=2";
  const failed = 'error="the store says \\"no\\"" willRetry=true durationMs=12';
  expect(readFileSync(logFile, "utf8").trimEnd().split("\n")).toEqual([
    `${TIME} level=INFO msg="synced to remote" ${on} ${synced}`,
    `${TIME} level=DEBUG msg="new transaction" ${on} txid=000000000000001c`,
    `${TIME} level=WARN msg="sync failed" ${on} ${failed}`,
    `${TIME} level=ERROR msg="another writer has taken over" ${on} reason="two\\nlines"`,
  ]);
});

it("a file that cannot be appended to is refused by its name", () => {
  const logFile = join(tempDir(), "nowhere", "litestream.log");
  expect(() => openLog({ logFile, logLevel: undefined }, clock)).toThrow(
    `LITESTREAM_LOG_FILE cannot be "${logFile}": ENOENT`,
  );
});
