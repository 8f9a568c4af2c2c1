/**
 * Histories that take each other's place at random, with compaction and retention in between, under
 * a reader that follows: no snapshot ever mixes two of them, or two transactions of one, and what
 * `flush` has promised is there.
 */

import { describe, expect, it } from "vitest";
import type { PageSnapshot } from "../src/index.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { seededRandom } from "./support/random.ts";
import { openWorld } from "./support/reading.ts";
import { range, World } from "./support/world.ts";

const PAGE_COUNT = 12;
const STEPS = 120;
const SEEDS = Number(process.env.HEADWATER_SEEDS ?? 40);

/** One history in a bucket of its own, to be copied to where the reader looks. */
class History {
  readonly world: World;
  /** Level-0 files that are there, by txid; the newest always is. */
  readonly level0: number[] = [];
  #snapshotTxid = 0;

  constructor(salt: number) {
    this.world = new World({ salt });
  }

  async write(random: (below: number) => number): Promise<void> {
    const { world } = this;
    const isFirst = world.txid === 0;
    const pages = isFirst ? range(1, PAGE_COUNT) : [1 + random(PAGE_COUNT), 1 + random(PAGE_COUNT)];
    this.level0.push(await world.write({ pages: new Set(pages) }));
  }

  /** Level 0 into level 1, or everything into a snapshot; then what is held above may go. */
  async compact(random: (below: number) => number): Promise<void> {
    const { world, level0 } = this;
    const count = 1 + random(level0.length);
    const names = level0.slice(0, count).map((txid) => [0, txid, txid] as const);
    if (random(3) === 0) {
      if (this.#snapshotTxid === world.txid) return;
      await world.snapshot(world.txid);
      this.#snapshotTxid = world.txid;
    } else {
      await world.compact(1, names);
    }
    const going = Math.min(random(count + 1), level0.length - 1);
    for (const txid of level0.splice(0, going)) await world.remove(0, txid, txid);
  }
}

/** Makes the place of the reader like the bucket of the history; up to so many objects of it. */
async function copy(from: World, to: World, countMax = Number.POSITIVE_INFINITY): Promise<void> {
  const wanted = new Map<string, Uint8Array>();
  for await (const { key } of from.store.list("")) {
    wanted.set(key, (await from.store.get(key)).body);
  }
  let count = 0;
  const present: string[] = [];
  for await (const { key } of to.store.list("")) present.push(key);
  for (const key of present) {
    const body = wanted.get(key);
    const same = body !== undefined && Buffer.compare(body, (await to.store.get(key)).body) === 0;
    if (same) wanted.delete(key);
    else if (count < countMax) {
      await to.store.delete(key);
      count += 1;
    } else wanted.delete(key);
  }
  for (const [key, body] of wanted) {
    if (count >= countMax) return;
    await to.store.put(key, body, { condition: { type: "none" }, timestampMs: 0 });
    count += 1;
  }
}

interface Held {
  readonly snapshot: PageSnapshot;
  /** Whose state it may be, by what was read through it. */
  histories: readonly History[];
}

async function look(held: Held, random: (below: number) => number): Promise<void> {
  const { snapshot } = held;
  const txid = Number(snapshot.txid);
  for (let reads = 1 + random(4); reads > 0; reads -= 1) {
    const pgno = 1 + random(PAGE_COUNT);
    const page = await snapshot.readPage(pgno).catch((error: Error) => error);
    if (page instanceof Error) {
      expect(page.message).toMatch(/compacted away or replaced/);
      continue;
    }
    held.histories = held.histories.filter(({ world }) => {
      const expected = txid <= world.txid ? world.pageAt(txid, pgno) : undefined;
      return expected !== undefined && Buffer.compare(expected, page) === 0;
    });
    expect(held.histories.length, `page ${pgno} at ${txid}`).toBeGreaterThan(0);
  }
}

async function run(seed: number): Promise<{ resets: number; flushes: number }> {
  const random = seededRandom(seed);
  const place = new World();
  let history = new History(1);
  const histories = [history];
  for (let txid = 0; txid < 5; txid += 1) await history.write(random);
  await copy(history.world, place);
  const clock = new IdleClock();
  const options = { clock, cacheBytes: random(2) * 100_000, warmUp: random(2) === 0 };
  await using replica = await openWorld(place, options);
  const held: Held[] = [];
  const counts = { resets: 0, flushes: 0 };
  let isWhole = true;
  const actions = [
    () => history.write(random),
    () => history.write(random),
    () => history.compact(random),
    async () => {
      if (random(4) !== 0) return;
      counts.resets += 1;
      history = new History(1 + histories.length);
      histories.push(history);
      const txids = 1 + random(10);
      for (let txid = 0; txid < txids; txid += 1) await history.write(random);
      for (let times = random(3); times > 0; times -= 1) await history.compact(random);
    },
    async () => {
      await copy(history.world, place, 1 + random(6));
      isWhole = false;
    },
    async () => {
      await copy(history.world, place);
      isWhole = true;
    },
    async () => {
      const isSame = isWhole;
      const txid = await replica.mount.flush().catch(() => undefined);
      if (!isSame) return;
      expect(txid).toBeDefined();
      counts.flushes += 1;
      using snapshot = replica.snapshot();
      for (const pgno of range(1, PAGE_COUNT)) {
        const expected = history.world.pageAt(Number(txid), pgno);
        expect(await snapshot.readPage(pgno), `page ${pgno}`).toEqual(expected);
      }
    },
    async () => {
      held.push({ snapshot: replica.snapshot(), histories: [...histories] });
      if (held.length > 4) held.shift()!.snapshot[Symbol.dispose]();
    },
    async () => {
      for (const one of held) await look(one, random);
    },
    () => clock.sleep(random(3) * 25_000),
  ];
  for (let step = 0; step < STEPS; step += 1) {
    const index = random(actions.length);
    // Whatever changes the history is not in the place before it is copied.
    if (index < 4) isWhole = false;
    await actions[index]!();
  }
  for (const { snapshot } of held) snapshot[Symbol.dispose]();
  return counts;
}

describe("histories that take each other's place", () => {
  it(`are never mixed, by ${SEEDS} seeds`, async () => {
    let flushes = 0;
    let resets = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const counts = await run(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
      flushes += counts.flushes;
      resets += counts.resets;
    }
    expect(flushes).toBeGreaterThan(SEEDS);
    expect(resets).toBeGreaterThan(SEEDS);
  }, 120_000);
});
