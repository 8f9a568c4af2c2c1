/**
 * Processes that can be killed: their locks on files end, and what they have sent goes on its way.
 */

import { closeSync, openSync, statSync } from "node:fs";
import { type ObjectStore, ObjectStoreError } from "@headwater/object-store";
import { deferred } from "../../src/deferred.ts";
import type { FileLockAttempt } from "../../src/index.ts";

/** One start of one machine. Locks are by file, as those of flock() are. */
export class Kernel {
  readonly #start: string;
  readonly #held = new Map<string, KilledProcess>();

  constructor(start: string) {
    this.#start = start;
  }

  process(store: ObjectStore): KilledProcess {
    return new KilledProcess(store, this.#held, this.#start);
  }
}

/** A put that was sent and has not arrived. */
export interface PutOnItsWay {
  readonly key: string;
  /** Rejects as the store does; the sender hears nothing. */
  arrive(): Promise<unknown>;
}

export class KilledProcess {
  readonly store: ObjectStore;
  /** Puts of these keys are held up on their way. */
  delays: (key: string) => boolean = () => false;
  readonly onTheirWay: PutOnItsWay[] = [];
  readonly #held: Map<string, KilledProcess>;
  readonly #start: string;
  readonly #forgotten = deferred<never>();
  #isDead = false;

  constructor(inner: ObjectStore, held: Map<string, KilledProcess>, start: string) {
    this.#held = held;
    this.#start = start;
    this.#forgotten.promise.catch(() => {});
    this.store = new Proxy(inner, {
      get: (_, name) => {
        const value = Reflect.get(inner, name, inner) as unknown;
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => this.#call(inner, name, args, value as () => unknown);
      },
    });
  }

  readonly lockFile = (path: string, _text: string): FileLockAttempt => {
    closeSync(openSync(path, "a"));
    const { dev, ino } = statSync(path, { bigint: true });
    const place = `${this.#start} ${dev} ${ino}`;
    if (this.#held.has(place)) return { type: "held", text: "" };
    this.#held.set(place, this);
    const release = () => {
      if (this.#held.get(place) === this) this.#held.delete(place);
    };
    return { type: "locked", lock: { place, release } };
  };

  /** Nothing that it asks for from now on is done, and nothing is answered. */
  kill(): void {
    this.#isDead = true;
    for (const [place, holder] of this.#held) if (holder === this) this.#held.delete(place);
  }

  /** For the end of a test: what it waits for fails, so that nothing of it stays. */
  bury(): void {
    this.kill();
    this.#forgotten.reject(new ObjectStoreError("FORBIDDEN", "it is dead", { store: "test" }));
  }

  #call(
    inner: ObjectStore,
    name: string | symbol,
    args: unknown[],
    method: () => unknown,
  ): unknown {
    const run = () => Reflect.apply(method, inner, args) as unknown;
    if (this.#isDead) return name === "list" ? endless(this.#forgotten.promise) : this.#forget();
    const key = String(args[0]);
    if (name !== "put" || !this.delays(key)) return run();
    this.onTheirWay.push({ key, arrive: async () => run() });
    return this.#forget();
  }

  #forget(): Promise<never> {
    return this.#forgotten.promise;
  }
}

function endless(never: Promise<never>): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => never }) };
}
