/**
 * A world in which time is a number: machines with clocks that are wrong, that pause and sleep, and
 * a network between each of them and one store that loses and delays what it carries.
 *
 * Always true:
 *   - Nothing runs at the same time as anything else. One event, then all that follows from it.
 *   - The same seed gives the same run.
 */

import {
  type ObjectMeta,
  type ObjectStore,
  ObjectStoreError,
  type ObjectStoreErrorCode,
  type PutOptions,
} from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import type { Clock, Random, SleepOptions } from "../src/index.ts";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
}

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

export class World {
  nowMs = 0;
  #timers: Timer[] = [];
  #order = 0;

  at(atMs: number, fire: () => void): Timer {
    this.#order += 1;
    const timer = { atMs: Math.max(atMs, this.nowMs), order: this.#order, fire };
    this.#timers.push(timer);
    return timer;
  }

  cancel(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  delay(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.at(this.nowMs + durationMs, resolve);
    });
  }

  /** Runs all that happens in this time, and `afterEach` after every event. */
  async run(durationMs: number, afterEach: () => void = () => {}): Promise<void> {
    const endMs = this.nowMs + durationMs;
    await settle();
    for (;;) {
      const next = this.#takeNext(endMs);
      if (next === undefined) break;
      this.nowMs = next.atMs;
      next.fire();
      await settle();
      afterEach();
    }
    this.nowMs = endMs;
  }

  #takeNext(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs > endMs) continue;
      const isEarlier =
        next === undefined ||
        timer.atMs < next.atMs ||
        (timer.atMs === next.atMs && timer.order < next.order);
      if (isEarlier) next = timer;
    }
    if (next !== undefined) this.cancel(next);
    return next;
  }
}

/** Every promise that can settle without time passing has settled after this. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * "stopped": both clocks go on, as under SIGSTOP. "asleep": the monotonic clock stands still, as on
 * a laptop. "cut out": both stand still, as in a virtual machine that is moved or restored.
 */
export type Pause = "stopped" | "asleep" | "cut out";

export interface MachineOptions {
  /** How far the wall clock is off. */
  readonly wallOffsetMs?: number;
  /** Seconds of its monotonic clock per real second. */
  readonly rate?: number;
}

export class Machine {
  readonly clock: Clock;
  readonly #world: World;
  readonly #rate: number;
  #wallOffsetMs: number;
  #asleepMs = 0;
  #pausedSinceMs: number | undefined;
  #pause: Pause = "stopped";
  #waiting: (() => void)[] = [];

  constructor(world: World, { wallOffsetMs = 0, rate = 1 }: MachineOptions = {}) {
    this.#world = world;
    this.#wallOffsetMs = wallOffsetMs;
    this.#rate = rate;
    this.clock = {
      nowMs: () => 1_700_000_000_000 + this.#world.nowMs * this.#rate + this.#wallOffsetMs,
      monotonicMs: () => this.#monotonicMs(),
      sleep: (durationMs, options) => this.#sleep(durationMs, options),
    };
  }

  get isPaused(): boolean {
    return this.#pausedSinceMs !== undefined;
  }

  pause(kind: Pause, durationMs: number): void {
    if (this.isPaused) return;
    this.#pause = kind;
    this.#pausedSinceMs = this.#world.nowMs;
    this.#world.at(this.#world.nowMs + durationMs, () => this.#resume());
  }

  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Answers and timers reach a machine only while it runs. */
  async whenRunning(): Promise<void> {
    if (!this.isPaused) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #resume(): void {
    const pausedMs = this.#world.nowMs - this.#pausedSinceMs!;
    if (this.#pause !== "stopped") this.#asleepMs += pausedMs;
    if (this.#pause === "cut out") this.#wallOffsetMs -= pausedMs * this.#rate;
    this.#pausedSinceMs = undefined;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #monotonicMs(): number {
    const isAsleep = this.isPaused && this.#pause !== "stopped";
    const realMs = isAsleep ? this.#pausedSinceMs! : this.#world.nowMs;
    return (realMs - this.#asleepMs) * this.#rate;
  }

  #sleep(durationMs: number, { signal }: SleepOptions = {}): Promise<void> {
    const dueMs = this.#monotonicMs() + Math.max(0, durationMs);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      let timer: Timer;
      const onAbort = () => {
        this.#world.cancel(timer);
        reject(signal?.reason);
      };
      const fire = async () => {
        await this.whenRunning();
        if (signal?.aborted) return;
        const leftMs = dueMs - this.#monotonicMs();
        if (leftMs > 1e-6) {
          timer = this.#world.at(this.#world.nowMs + leftMs / this.#rate, fire);
          return;
        }
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      timer = this.#world.at(this.#world.nowMs + durationMs / this.#rate, fire);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}

/** What happens to one request on its way. */
export type Fate =
  | { readonly type: "normal"; readonly thereMs: number; readonly backMs: number }
  /** Not done, and the caller is told so. */
  | { readonly type: "unavailable" }
  /** Not done for now, and the caller is told so; but it asks to be left alone for so long. */
  | { readonly type: "throttled"; readonly retryAfterMs: number }
  /** The answer to whoever comes second, from a store that lets neither win. */
  | { readonly type: "conflict" }
  /** The caller is told nothing; it arrives after so long, or never. */
  | { readonly type: "lost"; readonly arrivesInMs: number | undefined }
  /** Done, and the answer is lost. */
  | { readonly type: "unanswered" }
  /** Done after so long, and never answered at all: the connection hangs. */
  | { readonly type: "hangs"; readonly arrivesInMs: number };

export type Fates = (operation: "get" | "put", key: string) => Fate;

export const PROMPT: Fate = { type: "normal", thereMs: 10, backMs: 10 };

/** The store as one machine sees it. Only `get` and `put` pass the network. */
export function remote(
  world: World,
  machine: Machine,
  store: ObjectStore,
  fates: Fates,
): ObjectStore {
  const failure = (code: ObjectStoreErrorCode, key: string, retryAfterMs?: number) =>
    new ObjectStoreError(code, `${code} ${key}`, { store: store.name, key, retryAfterMs });
  const carry = async <Result>(
    operation: "get" | "put",
    key: string,
    work: () => Promise<Result>,
  ): Promise<Result> => {
    const fate = fates(operation, key);
    try {
      switch (fate.type) {
        case "normal": {
          await world.delay(fate.thereMs);
          const answer = await outcomeOf(work);
          await world.delay(fate.backMs);
          return answer();
        }
        case "unavailable":
          await world.delay(5);
          throw failure("UNAVAILABLE", key);
        case "throttled":
          await world.delay(5);
          throw failure("THROTTLED", key, fate.retryAfterMs);
        case "conflict":
          await world.delay(5);
          throw failure("OBJECT_CHANGED", key);
        case "lost":
          if (fate.arrivesInMs !== undefined) {
            world.at(world.nowMs + fate.arrivesInMs, () => void outcomeOf(work));
          }
          await world.delay(20);
          throw failure(operation === "put" ? "OUTCOME_UNKNOWN" : "UNAVAILABLE", key);
        case "unanswered":
          await world.delay(10);
          await outcomeOf(work);
          await world.delay(10);
          throw failure(operation === "put" ? "OUTCOME_UNKNOWN" : "UNAVAILABLE", key);
        case "hangs":
          world.at(world.nowMs + fate.arrivesInMs, () => void outcomeOf(work));
          return await new Promise<never>(() => {});
      }
    } finally {
      await machine.whenRunning();
    }
  };
  return {
    name: store.name,
    supports: store.supports,
    keyLayout: store.keyLayout,
    get: (key) => carry("get", key, () => store.get(key)),
    put: (key, body, options: PutOptions): Promise<ObjectMeta> => {
      const { signal: _signal, ...rest } = options;
      return carry("put", key, () => store.put(key, body, rest));
    },
    openUpload: (key, options) => store.openUpload(key, options),
    head: (key) => store.head(key),
    delete: (key, options) => store.delete(key, options),
    deleteMany: (keys) => store.deleteMany(keys),
    list: (prefix) => store.list(prefix),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

/** The same end, to be given out later: nothing is thrown before somebody asks. */
async function outcomeOf<Result>(work: () => Promise<Result>): Promise<() => Result> {
  try {
    const result = await work();
    return () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

export interface ServerOptions {
  /** How far the store's clock is off. */
  readonly offsetMs?: number;
  /** Dates are cut to these steps, as HTTP does to seconds. */
  readonly dateStepMs?: number;
  readonly serverDate?: boolean;
}

export function server(world: World, options: ServerOptions = {}): MemoryStore {
  const { offsetMs = 0, dateStepMs = 1, serverDate = true } = options;
  const nowMs = () =>
    Math.floor((1_700_000_000_000 + world.nowMs + offsetMs) / dateStepMs) * dateStepMs;
  const clock = { nowMs, monotonicMs: () => world.nowMs, sleep: async () => {} };
  return new MemoryStore({ clock, supports: { serverDate } });
}
