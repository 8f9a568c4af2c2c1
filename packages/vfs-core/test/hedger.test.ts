import { describe, expect, it } from "vitest";
import {
  HEDGE_AGAIN_MS,
  HEDGE_BURST,
  HEDGE_BYTES_MAX,
  HEDGE_FACTOR,
  HEDGE_MS_MIN,
  HEDGE_SAMPLES_MIN,
  HEDGE_SHARE,
  REQUESTS_PARALLEL,
} from "../src/limits.ts";
import { type HedgedRequest, Hedger } from "../src/read/hedger.ts";
import { RequestQueue } from "../src/read/request-queue.ts";
import { distantStore } from "./support/distant-store.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { openWorld } from "./support/reading.ts";
import { range, World } from "./support/world.ts";

interface Sent {
  readonly startMs: number;
  isAborted: boolean;
}

/** Answers each request after the next of these times, the last one for all that follow. */
function lab(...durationsMs: number[]) {
  const clock = new IdleClock();
  const queue = new RequestQueue();
  const hedger = new Hedger({ queue, clock });
  const sent: Sent[] = [];
  const answer = async (signal: AbortSignal, durationMs: number): Promise<number> => {
    const one: Sent = { startMs: clock.monotonicMs(), isAborted: false };
    const number = sent.push(one);
    await clock.sleep(durationMs, { signal }).catch((error: unknown) => {
      one.isAborted = true;
      throw error;
    });
    return number;
  };
  const run = (options: Partial<HedgedRequest<number>> = {}) => {
    const send = (signal: AbortSignal) => {
      const durationMs = durationsMs.length > 1 ? durationsMs.shift() : durationsMs[0];
      return answer(signal, durationMs!);
    };
    return hedger.run({
      bytes: 4096,
      priority: "foreground",
      isWanted: () => true,
      send,
      ...options,
    });
  };
  /** So that it knows what is usual. */
  const learn = async (usualMs: number) => {
    const send = (signal: AbortSignal) => answer(signal, usualMs);
    for (const _ of range(1, 100)) await run({ send });
    sent.length = 0;
  };
  return { clock, queue, hedger, sent, run, learn };
}

describe("hedging a request", () => {
  it("sends a second one when it takes longer than usual, and takes the first answer", async () => {
    const { clock, hedger, sent, run, learn } = lab(10_000, 100);
    await learn(100);
    const startMs = clock.monotonicMs();
    expect(await run()).toBe(2);
    expect(clock.monotonicMs() - startMs).toBe(100 * HEDGE_FACTOR + 100);
    expect(sent.map(({ isAborted }) => isAborted)).toEqual([true, false]);
    expect(hedger.status()).toEqual({ sentCount: 1, wonCount: 1 });
  });

  it("sends more of them while none is answered, each after twice the time", async () => {
    const { hedger, sent, run, learn } = lab(100_000, 100_000, 100_000, 100_000, 100);
    await learn(100);
    expect(await run()).toBe(5);
    const startMs = sent[0]!.startMs;
    const againMs = [HEDGE_AGAIN_MS, 2 * HEDGE_AGAIN_MS, 4 * HEDGE_AGAIN_MS];
    expect(sent.map((one) => one.startMs - startMs)).toEqual([0, 100 * HEDGE_FACTOR, ...againMs]);
    expect(sent.map(({ isAborted }) => isAborted)).toEqual([true, true, true, true, false]);
    expect(hedger.status()).toEqual({ sentCount: 4, wonCount: 1 });
  });

  it("ends the second one when the first is answered after all", async () => {
    const { clock, hedger, sent, run, learn } = lab(150, 100);
    await learn(100);
    const startMs = clock.monotonicMs();
    expect(await run()).toBe(1);
    expect(clock.monotonicMs() - startMs).toBe(150);
    expect(sent.map(({ isAborted }) => isAborted)).toEqual([false, true]);
    expect(hedger.status()).toEqual({ sentCount: 1, wonCount: 0 });
  });

  it("waits for the shortest time that means anything", async () => {
    const { sent, run, learn } = lab(10_000, 1);
    await learn(1);
    await run();
    expect(sent[1]!.startMs - sent[0]!.startMs).toBe(HEDGE_MS_MIN);
  });

  it("sends nothing twice before it knows the store", async () => {
    const { sent, run } = lab(...range(2, HEDGE_SAMPLES_MIN).map(() => 1), 100_000);
    for (const _ of range(1, HEDGE_SAMPLES_MIN)) await run();
    expect(sent).toHaveLength(HEDGE_SAMPLES_MIN);
  });

  it("sends nothing twice that is large, or that nobody waits for", async () => {
    const { sent, run, learn } = lab(10_000);
    await learn(10);
    await run({ bytes: HEDGE_BYTES_MAX + 1 });
    await run({ isWanted: () => false });
    expect(sent).toHaveLength(2);
  });

  it("stays within its share when everything becomes slow", async () => {
    const { hedger, run, learn } = lab(5000);
    await learn(10);
    const count = 1000;
    await Promise.all(range(1, count).map(() => run()));
    expect(hedger.status().sentCount).toBe(HEDGE_BURST);
    // One after another they make the slow times the usual ones.
    for (const _ of range(1, 100)) await run();
    const { sentCount } = hedger.status();
    expect(sentCount).toBeLessThanOrEqual(HEDGE_BURST + (count + 100) * HEDGE_SHARE);
  });

  it("takes its turn", async () => {
    const { clock, queue, sent, run, learn } = lab(1000, 10);
    await learn(10);
    const busy = range(1, REQUESTS_PARALLEL).map(() =>
      queue.run({ priority: "foreground" }, () => clock.sleep(500)),
    );
    await Promise.all([run(), ...busy]);
    expect(sent[1]!.startMs - sent[0]!.startMs).toBe(500);
  });

  it("takes an answer after a failure, and a failure only after the other one", async () => {
    const { clock, run, learn } = lab(1);
    await learn(10);
    let count = 0;
    const fails = (...failing: number[]) => {
      count = 0;
      return async () => {
        count += 1;
        const number = count;
        await clock.sleep(100);
        if (failing.includes(number)) throw new Error(`failure ${number}`);
        return number;
      };
    };
    expect(await run({ send: fails(1) })).toBe(2);
    expect(await run({ send: fails(2) })).toBe(1);
    await expect(run({ send: fails(1, 2) })).rejects.toThrow("failure 2");
    const atOnce = async () => {
      throw new Error("at once");
    };
    await expect(run({ send: atOnce })).rejects.toThrow("at once");
  });

  it("ends both with the signal, and rejects with its reason", async () => {
    const { clock, sent, run, learn } = lab(10_000);
    await learn(10);
    const stop = new AbortController();
    const running = run({ signal: stop.signal });
    await clock.sleep(1000);
    const reason = new Error("enough");
    stop.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(sent.map(({ isAborted }) => isAborted)).toEqual([true, true]);
    await expect(run({ signal: stop.signal })).rejects.toBe(reason);
  });
});

describe("hedging reads of pages", () => {
  async function readSlowly(options = {}) {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 2000) });
    const clock = new IdleClock();
    const store = distantStore(world.store, clock);
    let count = 0;
    store.latencyMs = () => {
      count += 1;
      return count % 30 === 0 ? 2000 : 50;
    };
    const replica = await openWorld(world, { store, clock, ...options });
    using snapshot = replica.snapshot();
    let slowestMs = 0;
    for (const index of range(1, 120)) {
      const startMs = clock.monotonicMs();
      const pgno = 17 + ((index * 977) % 1984);
      expect(await snapshot.readPage(pgno)).toEqual(world.pageAt(1, pgno));
      slowestMs = Math.max(slowestMs, clock.monotonicMs() - startMs);
    }
    const { hedging } = replica.mount.status();
    await replica.close();
    return { slowestMs, hedging, requests: store.requests };
  }

  it("keeps the slow ones near the others, and counts", async () => {
    const { slowestMs, hedging, requests } = await readSlowly();
    expect(slowestMs).toBe(50 * HEDGE_FACTOR + 50);
    expect(hedging!.wonCount).toBe(hedging!.sentCount);
    expect(hedging!.sentCount).toBeGreaterThanOrEqual(3);
    expect(requests.filter(({ isAborted }) => isAborted)).toHaveLength(hedging!.wonCount);
  });

  it("can be turned off", async () => {
    const { slowestMs, hedging, requests } = await readSlowly({ hedge: false });
    expect(slowestMs).toBe(2000);
    expect(hedging).toBeUndefined();
    expect(requests).toHaveLength(3 + 120);
  });
});
