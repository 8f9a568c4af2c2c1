/**
 * Hours of following a busy writer, with compaction, snapshots and retention behind it: the reader
 * always sees a state that was, keeps up, and neither holds nor asks for more as time goes on.
 */

import { encodeLtx, toPageCount, toPageSize, toPgno, toTxid } from "@headwater/ltx";
import { expect, it } from "vitest";
import { CompactionLoop } from "../src/compact/compaction-loop.ts";
import { settleCompaction } from "../src/compact/compaction-options.ts";
import type { MountStatus } from "../src/index.ts";
import { FILE_TABLE_SLACK } from "../src/limits.ts";
import { RoleMount } from "../src/role-mount.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { seededRandom } from "./support/random.ts";
import { openWorld } from "./support/reading.ts";
import { compactorOf } from "./support/restoring.ts";
import { range, World } from "./support/world.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const PAGE_COUNT = 200;
/** Pages that change with each upload, besides the first. */
const CHANGED = 5;
/** An even number. More of them, by hand: HEADWATER_HOURS=24 takes some minutes. */
const HOURS = Number(process.env.HEADWATER_HOURS ?? 2);
const UPLOAD_MS = 2 * SECOND_MS;
/** Compaction and retention pass by a reader that takes so long. */
const LONG_MS = 12 * MINUTE_MS;

/** Uploads at intervals; its files are compacted and deleted as a lease holder does it. */
class BusyWriter {
  readonly clock = new IdleClock();
  readonly world = new World({ clock: this.clock });
  /** By page, the transactions that changed it, ascending. */
  readonly #changes: number[][] = Array.from({ length: PAGE_COUNT + 1 }, () => []);
  readonly #random = seededRandom(3);
  readonly #loop: CompactionLoop;
  #txid = 0;

  constructor() {
    const compactor = compactorOf(this.world, {
      clock: this.clock,
      newestTxid: () => BigInt(this.#txid),
    });
    this.#loop = new CompactionLoop({
      compactor,
      clock: this.clock,
      settings: settleCompaction({
        snapshotIntervalMs: HOUR_MS,
        snapshotRetentionMs: HOUR_MS,
      }),
      signal: new AbortController().signal,
    });
  }

  async write(): Promise<void> {
    const { world, clock } = this;
    this.#txid += 1;
    const some = Array.from({ length: CHANGED }, () => 2 + this.#random(PAGE_COUNT - 1));
    const pgnos = this.#txid === 1 ? range(1, PAGE_COUNT) : [...new Set([1, ...some])];
    pgnos.sort((a, b) => a - b);
    for (const pgno of pgnos) this.#changes[pgno]!.push(this.#txid);
    const body = encodeLtx({
      header: {
        pageSize: toPageSize(world.pageSize),
        commit: toPageCount(PAGE_COUNT),
        minTxid: toTxid(BigInt(this.#txid)),
        maxTxid: toTxid(BigInt(this.#txid)),
        timestampMs: clock.nowMs(),
      },
      pages: pgnos.map((pgno) => ({ pgno: toPgno(pgno), page: world.content(pgno, this.#txid) })),
    });
    await world.put(0, this.#txid, this.#txid, body, clock.nowMs());
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.clock.sleep(UPLOAD_MS);
      await this.write();
      if (this.#loop.nextDueMs <= this.clock.nowMs()) await this.#loop.runDue();
    }
    for (const { lastError } of this.#loop.status().jobs) expect(lastError).toBeUndefined();
  }

  get txid(): number {
    return this.#txid;
  }

  pageAt(txid: number, pgno: number): Uint8Array {
    return this.world.content(pgno, this.#changes[pgno]!.findLast((at) => at <= txid)!);
  }
}

type RequestsByName = MountStatus["requests"];

/** What it holds beside the page cache. */
function heldBy(mount: unknown) {
  if (!(mount instanceof RoleMount)) throw new Error("it is another mount");
  const { versions } = mount.parts.service.state;
  return { versionCount: versions.count, fileCount: versions.newest.map.files.count };
}

it(`goes on for ${HOURS} hours at the same cost`, async () => {
  const writer = new BusyWriter();
  const { clock, world } = writer;
  await writer.write();
  const options = { clock, pollIntervalMs: SECOND_MS, hedge: false };
  // A third of the database.
  await using replica = await openWorld(world, { ...options, cacheBytes: 40_000 });
  const random = seededRandom(7);
  const hourly: { following: number; everything: number; gone: number }[] = [];
  const startMs = clock.nowMs();
  let goneCount = 0;
  const readFor = async (untilMs: number) => {
    while (clock.nowMs() < untilMs) {
      using snapshot = replica.snapshot();
      const txid = Number(snapshot.txid);
      expect(writer.txid - txid).toBeLessThanOrEqual(2);
      // Now and then a reader takes so long that compaction and retention pass it by.
      const pauseMs = random(60) === 0 ? LONG_MS : random(4 * SECOND_MS);
      for (let reads = 0; reads < 6; reads += 1) {
        await clock.sleep(Math.floor(pauseMs / 6));
        const pgno = 1 + random(PAGE_COUNT);
        try {
          const page = await snapshot.readPage(pgno);
          expect(page, `page ${pgno} at ${txid}`).toEqual(writer.pageAt(txid, pgno));
        } catch (error) {
          if (!String(error).includes("compacted away")) throw error;
          expect(pauseMs).toBeGreaterThan(MINUTE_MS);
          goneCount += 1;
        }
      }
    }
  };
  const calls = (of: RequestsByName) =>
    Object.values(of).reduce((sum, count) => sum + (count?.requests ?? 0), 0);
  for (let hour = 1; hour <= HOURS; hour += 1) {
    const untilMs = startMs + hour * HOUR_MS;
    const before = { ...replica.mount.status(), ms: clock.nowMs(), goneCount };
    let isOver = false;
    const writing = writer.run(() => isOver);
    await readFor(untilMs);
    isOver = true;
    await writing;
    const { follow, requests, lagMs } = replica.mount.status();
    expect(lagMs).toBeLessThan(5 * SECOND_MS);
    expect(follow?.lastError).toBeUndefined();
    expect(follow?.reloadCount).toBe(0);
    // A long reader may have overstayed the hour.
    const hours = (clock.nowMs() - before.ms) / HOUR_MS;
    hourly.push({
      following: Math.round((calls(follow!.requests) - calls(before.follow!.requests)) / hours),
      everything: Math.round((calls(requests) - calls(before.requests)) / hours),
      gone: goneCount - before.goneCount,
    });
    await clock.sleep(5 * SECOND_MS);
    const { versionCount, fileCount } = heldBy(replica.mount);
    expect(versionCount).toBe(1);
    // Of the pages, and of what came while the longest reader read.
    const usedMax = PAGE_COUNT + LONG_MS / UPLOAD_MS;
    expect(fileCount).toBeLessThan(2 * usedMax + FILE_TABLE_SLACK);
  }
  if (process.env.HEADWATER_HOURS !== undefined) console.info(JSON.stringify(hourly));
  const half = HOURS / 2;
  const sum = (one: "following" | "everything", from: number, to: number) =>
    hourly.slice(from, to).reduce((total, hour) => total + hour[one], 0);
  const following = hourly.map((hour) => hour.following);
  expect(Math.max(...following)).toBeLessThan(1.1 * Math.min(...following));
  // What readers miss, and what they find elsewhere then, differs more from hour to hour.
  expect(sum("everything", half, HOURS)).toBeLessThan(1.5 * sum("everything", 0, half));
}, 600_000);
