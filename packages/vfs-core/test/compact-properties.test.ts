import type { ObjectStore } from "@headwater/object-store";
import { type FaultRule, faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import type { Compactor } from "../src/compact/compactor.ts";
import { findReachable } from "../src/compact/reachable.ts";
import { HeadwaterError } from "../src/errors.ts";
import type { LtxFile } from "../src/ltx-file.ts";
import { planRestore } from "../src/restore-plan.ts";
import { StillClock } from "./support/clock.ts";
import { seededRandom } from "./support/random.ts";
import { compactorOf, describeLevels, listWorld, restore } from "./support/restoring.ts";
import { range, World } from "./support/world.ts";

const LEVEL0_MS = 40_000;
const SNAPSHOT_MS = 200_000;
const WINDOW_MS = 10_000;
const PAGES_MAX = 12;

/** A replica with a history, and what of it has been promised to somebody. */
class History {
  readonly world = new World();
  readonly clock = new StillClock(1_000_000);
  readonly random: (below: number) => number;
  readonly madeAtMs = new Map<number, number>();
  /** Where the files above level 0 led to at some time. */
  readonly #ends = new Set<number>();
  readonly log: string[] = [];
  #compactor: Compactor | undefined;
  refusals = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  async step(): Promise<void> {
    const { random } = this;
    this.clock.ms += random(8_000);
    const what = random(20);
    if (this.world.txid === 0 || what < 8) await this.#commit();
    else if (what < 14) await this.#compact(1 + random(3), random(3) === 0);
    else if (what < 15) await this.#try("snapshot", (compactor) => compactor.snapshot());
    else if (what < 18) await this.#retain();
    else if (what < 19) await this.#compactAsOthers(1 + random(2));
    else this.#compactor = undefined;
    const above = (await listWorld(this.world)).slice(1);
    for (const txid of findReachable([[], ...above])) this.#ends.add(Number(txid));
  }

  /** Grows, shrinks, or writes everything anew, as VACUUM does. */
  async #commit(): Promise<void> {
    const { world, random, clock } = this;
    const before = world.txid === 0 ? 0 : world.pageCountAt(world.txid);
    const kind = random(10);
    let pageCount = before;
    if (before === 0 || kind < 3) pageCount = Math.min(PAGES_MAX, before + 1 + random(4));
    else if (kind < 5) pageCount = 1 + random(before);
    const pages = new Set([1, ...range(before + 1, pageCount)]);
    const isRewrite = kind === 9;
    for (const pgno of range(1, pageCount)) {
      if (isRewrite || random(4) === 0) pages.add(pgno);
    }
    clock.ms += 1;
    const timestampMs = clock.ms;
    const txid = await world.write({ pages, pageCount, timestampMs });
    this.madeAtMs.set(txid, timestampMs);
    this.log.push(`commit ${txid} of ${pageCount} pages`);
  }

  async #compact(level: number, isAll: boolean): Promise<void> {
    const nowMs = this.clock.ms;
    const windows = { nowMs, windowMs: WINDOW_MS * level, sinceMs: nowMs - SNAPSHOT_MS };
    await this.#try(`compact ${level}${isAll ? " all" : ""}`, (compactor) =>
      compactor.compact(level, isAll ? {} : { windows }),
    );
  }

  async #retain(): Promise<void> {
    const times = {
      nowMs: this.clock.ms,
      level0RetentionMs: LEVEL0_MS,
      snapshotRetentionMs: SNAPSHOT_MS,
    };
    await this.#try("retain", (compactor) => compactor.retain(times));
  }

  /** Files that follow one another, with a name that pays no heed to what the level has. */
  async #compactAsOthers(level: number): Promise<void> {
    const { world, random } = this;
    const below = (await listWorld(world))[level - 1]!;
    if (below.length === 0) return;
    const start = random(below.length);
    const chosen: LtxFile[] = [below[start]!];
    for (const file of below.slice(start + 1, start + 1 + random(6))) {
      const last = chosen.at(-1)!;
      if (file.minTxid <= last.maxTxid + 1n && file.maxTxid > last.maxTxid) chosen.push(file);
    }
    const names = chosen.map(
      (file) => [file.level, Number(file.minTxid), Number(file.maxTxid)] as const,
    );
    const timestampMs = this.madeAtMs.get(names.at(-1)![2]);
    await world.compact(level, names, timestampMs);
    this.log.push(`others compact ${level}: ${names[0]![1]}-${names.at(-1)![2]}`);
  }

  /** Half of the time with a store that fails, loses answers, or is cut off in the middle. */
  async #try(what: string, work: (compactor: Compactor) => Promise<unknown>): Promise<void> {
    const { world, random } = this;
    const isFaulty = random(2) === 0;
    if (isFaulty) this.#compactor = undefined;
    const rules: FaultRule[] = isFaulty
      ? [
          { fault: { type: "before" }, operation: ["get", "list"], chance: 0.05 },
          { fault: { type: "after" }, operation: "put", chance: 0.3 },
          { fault: { type: "before" }, operation: "put", chance: 0.2 },
          { fault: { type: "after" }, operation: "deleteMany", chance: 0.2 },
        ]
      : [];
    const inner = isFaulty ? cutOffInDeleting(world.store, random) : world.store;
    const store = faulty(inner, { rules, seed: random(1_000_000) });
    const compactor = this.#compactor ?? compactorOf(world, { store, clock: this.clock });
    let outcome = "";
    try {
      outcome = `${await work(compactor)}`;
      if (!isFaulty) this.#compactor = compactor;
    } catch (error) {
      outcome = (error as Error).message;
      this.#compactor = undefined;
      const isStore = HeadwaterError.is(error, "STORE_UNAVAILABLE");
      if (!isStore) {
        this.refusals += 1;
        this.log.push(...describeLevels(await listWorld(world)));
      }
    }
    this.log.push(`${what}${isFaulty ? " with faults" : ""}: ${outcome}`);
  }

  /** What a restore must be able to give now. */
  promised(): number[] {
    const nowMs = this.clock.ms;
    const promised = new Set([this.world.txid]);
    for (const [txid, madeAtMs] of this.madeAtMs) {
      const ageMs = nowMs - madeAtMs;
      if (ageMs <= LEVEL0_MS || (this.#ends.has(txid) && ageMs <= SNAPSHOT_MS)) promised.add(txid);
    }
    return [...promised].sort((a, b) => a - b);
  }

  async check(): Promise<void> {
    const { world } = this;
    const levels = await listWorld(world);
    const latest = planRestore(levels, { type: "latest" });
    const state = () => `${this.log.join("\n")}\n${describeLevels(levels).join("\n")}`;
    expect(latest.gapBefore, state()).toBeUndefined();
    for (const txid of this.promised()) {
      const restored = await restore(world, { type: "txid", txid: BigInt(txid) }, levels);
      expect(restored.txid, `transaction ${txid}\n${state()}`).toBe(txid);
      const isSame = Buffer.compare(restored.image, world.imageAt(txid)) === 0;
      expect(isSame, `transaction ${txid}\n${state()}`).toBe(true);
    }
  }
}

/** A process that is killed while it deletes: some objects are gone, and nobody is told. */
function cutOffInDeleting(store: ObjectStore, random: (below: number) => number): ObjectStore {
  return {
    name: store.name,
    supports: store.supports,
    keyLayout: store.keyLayout,
    get: (key, options) => store.get(key, options),
    head: (key, options) => store.head(key, options),
    put: (key, body, options) => store.put(key, body, options),
    openUpload: (key, options) => store.openUpload(key, options),
    delete: (key, options) => store.delete(key, options),
    deleteMany: async (keys, options) => {
      await store.deleteMany(
        keys.filter(() => random(3) > 0),
        options,
      );
      throw new HeadwaterError("STORE_UNAVAILABLE", "killed");
    },
    list: (prefix, options) => store.list(prefix, options),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

const SEEDS = range(1, 25);

describe("random histories, compactions, retentions and crashes", () => {
  for (const seed of SEEDS) {
    it(`restore to every promised transaction (seed ${seed})`, async () => {
      const history = new History(seed);
      for (let step = 1; step <= 160; step += 1) {
        await history.step();
        if (step % 4 === 0) await history.check();
      }
      expect(history.refusals, history.log.join("\n")).toBe(0);
    });
  }
});
