import { encodeLtx, toPageCount, toPageSize, toPgno, toTxid } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { CompactionLoop } from "../src/compact/compaction-loop.ts";
import { settleCompaction } from "../src/compact/compaction-options.ts";
import { type FilesByLevel, planRestore } from "../src/restore-plan.ts";
import { StillClock } from "./support/clock.ts";
import { seededRandom } from "./support/random.ts";
import { compactorOf, listWorld, restore } from "./support/restoring.ts";
import { range, World } from "./support/world.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const PAGE_COUNT = 16;
/** So many more days with an upload every second, which takes minutes each. */
const LONG_DAYS = Number(process.env.HEADWATER_DAYS ?? 0);
const START_MS = 20_000 * DAY_MS + 7 * HOUR_MS + 13;

/**
 * A program that writes every second, and uploads that often or more seldom: what is above level 0
 * is the same, and days go by faster.
 */
class Days {
  readonly world = new World();
  readonly clock = new StillClock(START_MS);
  readonly loop: CompactionLoop;
  readonly random = seededRandom(11);
  /** By transaction, when it was made. */
  readonly madeAtMs: number[] = [0];

  constructor() {
    const compactor = compactorOf(this.world, {
      clock: this.clock,
      newestTxid: () => BigInt(this.txid),
    });
    this.loop = new CompactionLoop({
      compactor,
      clock: this.clock,
      settings: settleCompaction({ retentionIntervalMs: MINUTE_MS }),
      signal: new AbortController().signal,
    });
  }

  get txid(): number {
    return this.madeAtMs.length - 1;
  }

  /** Gives the requests that compaction and retention made in an hour of it. */
  async run(durationMs: number, uploadMs: number): Promise<number> {
    const before = this.world.requests.length;
    for (let ms = 0; ms < durationMs; ms += uploadMs) {
      this.clock.ms += uploadMs;
      await this.#write();
      if (this.loop.nextDueMs <= this.clock.ms) await this.loop.runDue();
    }
    const requests = this.world.requests.length - before;
    this.world.requests.length = 0;
    return requests / (durationMs / HOUR_MS);
  }

  async #write(): Promise<void> {
    const { world } = this;
    const timestampMs = this.clock.ms;
    this.madeAtMs.push(timestampMs);
    const pgnos = this.txid === 1 ? range(1, PAGE_COUNT) : [1, otherPage(this.txid)];
    const body = encodeLtx({
      header: {
        pageSize: toPageSize(world.pageSize),
        commit: toPageCount(PAGE_COUNT),
        minTxid: toTxid(BigInt(this.txid)),
        maxTxid: toTxid(BigInt(this.txid)),
        timestampMs,
      },
      pages: pgnos.map((pgno) => ({ pgno: toPgno(pgno), page: world.content(pgno, this.txid) })),
    });
    await world.put(0, this.txid, this.txid, body, timestampMs);
  }

  imageAt(txid: number): Uint8Array {
    const image = new Uint8Array(PAGE_COUNT * this.world.pageSize);
    for (const pgno of range(1, PAGE_COUNT)) {
      let writer = txid;
      while (writer > 1 && pgno !== 1 && otherPage(writer) !== pgno) writer -= 1;
      image.set(this.world.content(pgno, writer), (pgno - 1) * this.world.pageSize);
    }
    return image;
  }

  async checkMoment(ms: number, levels: FilesByLevel, granularityMs: number): Promise<void> {
    const { txid, image } = await restore(
      this.world,
      { type: "timestamp", timestampMs: ms },
      levels,
    );
    const exact = this.madeAtMs.findLastIndex((madeAtMs) => madeAtMs < ms);
    expect(txid).toBeLessThanOrEqual(exact);
    const missedMs = this.madeAtMs[exact]! - this.madeAtMs[txid]!;
    expect(missedMs).toBeLessThanOrEqual(granularityMs);
    expect(Buffer.compare(image, this.imageAt(txid)), `at ${txid}`).toBe(0);
  }

  async check(): Promise<void> {
    const levels = await listWorld(this.world);
    const { ms } = this.clock;
    const counts = levels.map((files) => files.length);
    // Five minutes, a window and a minute; a day or two of windows, until the next snapshot.
    expect(counts[0]).toBeLessThan(5 * 60 + 35 + 60);
    expect(counts[1]).toBeLessThan((2 * DAY_MS) / (30 * SECOND_MS) + 60);
    expect(counts[2]).toBeLessThan((2 * DAY_MS) / (5 * MINUTE_MS) + 12);
    expect(counts[3]).toBeLessThan((2 * DAY_MS) / HOUR_MS + 2);
    expect(counts[9]).toBeLessThanOrEqual(3);
    const latest = planRestore(levels, { type: "latest" });
    expect(latest.files.length).toBeLessThan(24 + 12 + 10 + 62 + 2);
    const bytes = levels.flat().reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThan(12_000_000);
    await this.checkMoment(ms + 1, levels, 0);
    const ageMs = ms - START_MS;
    for (let sample = 0; sample < 6; sample += 1) {
      const nearMs = Math.min(5 * MINUTE_MS, ageMs - MINUTE_MS);
      await this.checkMoment(ms - this.random(nearMs), levels, 0);
      const farMs = Math.min(DAY_MS, ageMs - MINUTE_MS);
      await this.checkMoment(ms - this.random(farMs), levels, 30 * SECOND_MS);
    }
    for (const { lastError } of this.loop.status().jobs) expect(lastError).toBeUndefined();
  }
}

/** Every page but the first in turn, in an order that does not repeat itself too soon. */
function otherPage(txid: number): number {
  return 2 + ((txid * 7 + Math.floor(txid / 100)) % (PAGE_COUNT - 1));
}

describe("days of one write a second", () => {
  it("leave few files, and every promised moment can be restored", async () => {
    const days = new Days();
    const hourly: number[] = [];
    for (const hours of [1, 11, 12, 12, 11]) {
      hourly.push(await days.run(hours * HOUR_MS, 10 * SECOND_MS));
      await days.run(12 * MINUTE_MS, SECOND_MS);
      await days.check();
    }
    expect(days.clock.ms - START_MS).toBe(48 * HOUR_MS);
    // What it costs does not grow with what is there.
    expect(Math.max(...hourly)).toBeLessThan(1_600);
    expect(hourly[4]).toBeLessThan(1.1 * hourly[1]!);
  }, 120_000);

  it(
    "leave as few when each second is uploaded",
    async ({ skip }) => {
      skip(LONG_DAYS === 0, "HEADWATER_DAYS asks for it, and it takes minutes a day");
      const days = new Days();
      for (let half = 1; half <= 2 * LONG_DAYS; half += 1) {
        const requests = await days.run(12 * HOUR_MS, SECOND_MS);
        await days.check();
        console.info(`${12 * half} hours: ${Math.round(requests)} requests an hour`);
      }
    },
    (1 + LONG_DAYS) * 1_800_000,
  );
});
