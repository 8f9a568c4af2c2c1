/**
 * A process that follows the bank and looks at it again and again.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "@headwater/node-binding";
import { audit } from "../bank-database.ts";
import { fail, readTask, tell } from "../news.ts";

const POLL_MS = 100;

const { url, storeOptions } = readTask();

async function main(): Promise<never> {
  const { database } = await openDatabase({
    url,
    ...(storeOptions === undefined ? {} : { storeOptions }),
    waitForReplica: true,
    pollIntervalMs: POLL_MS,
    // Too little for all pages: most looks ask the store.
    cacheBytes: 100_000,
  });
  const query = (sql: string) => database.prepare(sql).raw().all() as unknown[][];
  const look = database.transaction(() => audit(query));
  tell({ type: "opened", audit: look() });
  for (;;) {
    await sleep(POLL_MS / 2);
    tell({ type: "looked", audit: look() });
  }
}

main().catch(fail);
