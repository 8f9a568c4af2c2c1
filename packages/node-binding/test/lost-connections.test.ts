/** A machine that wakes up, and does not know that its connections are gone. */

import { startRelay } from "@headwater/servers";
import { expect, it } from "vitest";
import type { ThreadNews } from "./support/headwater-thread.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { noiseQuery } from "./support/noise.ts";
import { s3Store } from "./support/stores.ts";
import { startThread } from "./support/threads.ts";

const store = await s3Store("ceph", "reads over connections that get lost");
const ROWS = 20_000;

/** On a thread of its own, since the way to the store goes through this one. */
function query(name: string, sql: string): Promise<ThreadNews> {
  const thread = startThread("./headwater-thread.ts", { type: "query", name, sql });
  return new Promise((resolve, reject) => {
    thread.on("error", reject);
    thread.on("message", (news: ThreadNews) => {
      if (news.type !== "begins") resolve(news);
    });
  });
}

it.skipIf(store.problem)("reads go on when all connections to the store are gone", async () => {
  const { options } = store.place();
  const writer = await openWriter(options);
  writer.database.exec("create table item(id integer primary key, text)");
  writer.database.exec(`insert into item(text) ${noiseQuery(ROWS, 400)}`);
  await writer.close();
  await using relay = await startRelay(options.storeOptions?.endpoint ?? "");
  const { name } = await openReader({
    ...options,
    storeOptions: { ...options.storeOptions, endpoint: relay.endpoint },
    cacheBytes: 200_000,
    // Nothing else may find out first.
    pollIntervalMs: 0,
    requestTimeoutMs: 4_000,
  });
  // Until it is known how long a read takes.
  const ids = Array.from({ length: 60 }, (_, i) => (i * 7_919) % ROWS);
  const some = await query(name, `select count(*) from item where id in (${ids})`);
  expect(some).toEqual({ type: "value", value: ids.length - 1 });
  expect(relay.connectionCount).toBeGreaterThan(1);
  relay.lose();
  const one = await query(name, `select id from item where id = ${ROWS / 2}`);
  expect(one).toEqual({ type: "value", value: ROWS / 2 });
  expect(relay.lostCount).toBeGreaterThan(0);
});
