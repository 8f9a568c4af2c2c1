/**
 * The reader: has never seen the file, opens a replica of it, and follows it while it grows.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { type OpenedDatabase, openDatabase } from "@headwater/node-binding";
import { LATER_TRANSACTIONS, nowMs, ROWS, readNotes } from "./notes.ts";
import { playRole } from "./role.ts";

const POLL_INTERVAL_MS = 100;
const LOOK_INTERVAL_MS = 5;
const FOLLOW_MS_MAX = 30_000;

await playRole(async (role) => {
  const { url } = role.job;
  let opened: OpenedDatabase | undefined;
  await role.step("open", async () => {
    opened = await openDatabase({ url, pollIntervalMs: POLL_INTERVAL_MS });
    return { mount: opened, count: 0 };
  });
  const hw = opened as OpenedDatabase;
  await using _ = hw;
  await role.step("read", async () => ({ mount: hw, ...readNotes(hw.database) }));
  await role.step("follow", async () => {
    const delays = await follow(hw);
    return { mount: hw, ms: median(delays), ...readNotes(hw.database), count: delays.length };
  });
  await role.waitForParent();
});

/** How long after its commit each new row was seen here, through the store. */
async function follow({ database }: OpenedDatabase): Promise<number[]> {
  const next = database.prepare("select id, written_at from notes where id > ? order by id");
  const deadline = performance.now() + FOLLOW_MS_MAX;
  const delays: number[] = [];
  let lastId = ROWS;
  while (delays.length < LATER_TRANSACTIONS) {
    for (const row of next.all(lastId) as { id: number; written_at: number }[]) {
      delays.push(nowMs() - row.written_at);
      lastId = row.id;
    }
    if (performance.now() > deadline) throw new Error("new rows did not arrive in time");
    await sleep(LOOK_INTERVAL_MS);
  }
  return delays;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
