/** One store and some machines, with the fate of each request set by the test. */

import type { ObjectStore } from "@headwater/object-store";
import type { MemoryStore } from "@headwater/object-store/memory";
import {
  type AcquireLeaseOptions,
  acquireLease,
  decodeRecord,
  type Lease,
  type LeaseRecord,
} from "../src/index.ts";
import {
  type Fate,
  Machine,
  type MachineOptions,
  PROMPT,
  remote,
  type ServerOptions,
  seeded,
  server,
  World,
} from "./world.ts";

export const KEY = "db/lock.json";
export const TTL_MS = 30_000;

export interface Seat {
  readonly machine: Machine;
  readonly store: ObjectStore;
  /** Fates of the next puts and gets, in order; then all is well again. */
  readonly puts: Fate[];
  readonly gets: Fate[];
  /** What the requests were, such as `put` and `get`. */
  readonly requests: string[];
  /** The fate of every request, if set. */
  outage: Fate | undefined;
}

export class Harness {
  readonly world = new World();
  readonly store: MemoryStore;
  readonly random = seeded(7);

  constructor(options: ServerOptions = {}) {
    this.store = server(this.world, options);
  }

  seat(options: MachineOptions = {}): Seat {
    const machine = new Machine(this.world, options);
    const requests: string[] = [];
    const puts: Fate[] = [];
    const gets: Fate[] = [];
    const store = remote(this.world, machine, this.store, (operation) => {
      requests.push(operation);
      if (seat.outage !== undefined) return seat.outage;
      return (operation === "put" ? puts : gets).shift() ?? PROMPT;
    });
    const seat: Seat = { machine, store, puts, gets, requests, outage: undefined };
    return seat;
  }

  acquire(seat: Seat, options: Partial<AcquireLeaseOptions> = {}): Promise<Lease> {
    return acquireLease({
      store: seat.store,
      key: KEY,
      owner: "a",
      ttlMs: TTL_MS,
      // Left out, so that the number of requests in a test is that of what it tests.
      probe: false,
      clock: seat.machine.clock,
      random: this.random,
      ...options,
    });
  }

  /** For calls that do not acquire. */
  optionsOf({ store, machine }: Seat) {
    return { store, key: KEY, clock: machine.clock, random: this.random };
  }

  /** Lets time pass until the promise settles. */
  async until<Result>(promise: Promise<Result>, limitMs = 120_000): Promise<Result> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => {});
    for (let passedMs = 0; !isSettled && passedMs < limitMs; passedMs += 5) {
      await this.world.run(5);
    }
    if (!isSettled) throw new Error(`not settled after ${limitMs} ms`);
    return settled;
  }

  failure(promise: Promise<unknown>, limitMs?: number): Promise<unknown> {
    const failed = promise.then(
      () => {
        throw new Error("it resolved");
      },
      (error: unknown) => error,
    );
    return this.until(failed, limitMs);
  }

  async record(): Promise<LeaseRecord> {
    const record = decodeRecord((await this.store.get(KEY)).body);
    if (typeof record === "string") throw new Error(record);
    return record;
  }

  put(json: string): Promise<unknown> {
    const body = new TextEncoder().encode(json);
    return this.store.put(KEY, body, { condition: { type: "none" } });
  }
}
