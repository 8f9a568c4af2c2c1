/**
 * Real processes that fight for one lease, stopped, continued and killed at random, for a minute on
 * each store: what they told of it must keep both promises.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ObjectStore, prefixed } from "@headwater/object-store";
import { FileStore } from "@headwater/object-store/file";
import { openS3Store } from "@headwater/object-store/s3";
import { useServer } from "@headwater/servers/testing";
import { afterAll, describe, expect, it } from "vitest";
import { decodeRecord } from "../src/index.ts";
import { checkLog, type LogCounts, type LogEntry, parseLog } from "./check-log.ts";
import { type ContenderStore, Contenders } from "./contenders.ts";

const DURATION_MS = 1_000 * Number(process.env.HEADWATER_SECONDS ?? 60);
const SEED = Number(process.env.HEADWATER_SEED ?? Date.now() % 1_000_000);
const PART = "lease: processes on Ceph";

const ceph = await useServer("ceph", PART);
const root = mkdtempSync(join(tmpdir(), "headwater-lease-"));
const fights: Contenders[] = [];

afterAll(() => {
  for (const fight of fights) fight.kill();
  rmSync(root, { recursive: true, force: true });
});

/** Lets them fight, and returns what was seen of it. */
async function fight(name: string, ttlMs: number, at: ContenderStore, store: ObjectStore) {
  const logPath = join(root, `${name}.log`);
  writeFileSync(logPath, "");
  const contenders = new Contenders({
    store: at,
    ttlMs,
    durationMs: DURATION_MS,
    logPath,
    seed: SEED,
  });
  fights.push(contenders);
  await contenders.run();
  const entries = parseLog(readFileSync(logPath, "utf8"));
  entries.push(await lookBack(store));
  const { violations, counts } = checkLog(entries);
  expect(violations, `seed ${SEED}`).toEqual([]);
  expectRealFight(counts);
  const record = decodeRecord((await store.get("lock.json")).body);
  if (typeof record === "string") throw new Error(record);
  for (const entry of entries) {
    if (entry.event !== "begins") continue;
    expect(Number(record.generation)).toBeGreaterThanOrEqual(entry.generation);
  }
}

/** All that is in the store in the end, as a holder after all others would find it. */
async function lookBack(store: ObjectStore): Promise<LogEntry> {
  const ids: string[] = [];
  let newest = 0;
  for await (const { key } of store.list("writes/")) {
    ids.push(key);
    newest = Math.max(newest, Number(key.split("/")[1]));
  }
  return { event: "saw", who: "the test", generation: newest + 1, since: 0, ids };
}

/** Little, so that a busy machine is no failure; but each thing that was to be seen. */
function expectRealFight(counts: LogCounts): void {
  const told = `seed ${SEED}: ${JSON.stringify(counts)}`;
  expect(counts.holders, told).toBeGreaterThan(3);
  expect(counts.acknowledged, told).toBeGreaterThan(20);
  expect(counts.takeoversAfterKill, told).toBeGreaterThan(0);
  expect(counts.takeoversDuringStop, told).toBeGreaterThan(0);
  expect(counts.refusedZombies, told).toBeGreaterThan(0);
}

describe.concurrent("three processes that want one lease never believe two at once", () => {
  it("on files", { timeout: DURATION_MS + 60_000 }, async () => {
    const folder = join(root, "store");
    await using store = new FileStore({ root: folder });
    await fight("files", 1_200, { type: "file", root: folder }, store);
  });

  it("on Ceph", { timeout: DURATION_MS + 60_000 }, async (context) => {
    if (!ceph.available) return context.skip(ceph.reason);
    const { bucket, endpoint, region, accessKeyId, secretAccessKey } = ceph.connection;
    const credentials = { accessKeyId, secretAccessKey };
    const prefix = `lease-processes-${process.pid}/`;
    const at: ContenderStore = { type: "s3", prefix, ...ceph.connection };
    await using whole = await openS3Store({ bucket, endpoint, region, credentials });
    await fight("ceph", 2_000, at, prefixed(whole, prefix));
  });
});
