/**
 * Does this store keep its conditions? Asked of the store itself, with objects that are put for the
 * purpose and taken away again.
 *
 * Some servers ignore conditions, some keep them only while one caller comes after another. Leases
 * and single writers on such a store hold nobody back, and nothing else would ever tell. About
 * thirty requests; ask once, when it matters.
 */

import type { Random } from "./clock.ts";
import { ObjectStoreError } from "./errors.ts";
import type { CallOptions, ObjectMeta, ObjectStore, PutCondition } from "./object-store.ts";
import { systemRandom } from "./system.ts";

export interface ConditionsCheckOptions extends CallOptions {
  /** Put before the names of the objects; a folder needs its slash. */
  readonly prefix: string;
  readonly random?: Random | undefined;
}

/** Why a kind of condition cannot be relied on, in one sentence; undefined where it can. */
export interface ConditionsCheck {
  readonly conditionalCreate: string | undefined;
  readonly conditionalUpdate: string | undefined;
}

const RACERS = 8;

/** Rejects only when the store cannot be used at all; what it cannot do is in the answer. */
export async function checkConditions(
  store: ObjectStore,
  { prefix, random = systemRandom, signal }: ConditionsCheckOptions,
): Promise<ConditionsCheck> {
  const nonce = Math.floor(random() * 2 ** 48).toString(36);
  const keys = ["a", "b", "c"].map((name) => `${prefix}headwater-check-${nonce}-${name}`);
  const [created = "", raced = "", updated = ""] = keys;
  const probe = new Probe(store, signal);
  try {
    return {
      conditionalCreate: (await probe.create(created)) ?? (await probe.createRace(raced)),
      conditionalUpdate: await probe.update(updated),
    };
  } finally {
    await store.deleteMany(keys, { signal }).catch(() => undefined);
  }
}

class Probe {
  readonly #store: ObjectStore;
  readonly #signal: AbortSignal | undefined;
  #serial = 0;

  constructor(store: ObjectStore, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#signal = signal;
  }

  async create(key: string): Promise<string | undefined> {
    if (!this.#store.supports.conditionalCreate) return "it does not offer create-only puts";
    return orRefusal(async () => {
      await this.#put(key, { type: "if-absent" });
      const second = await settled(this.#put(key, { type: "if-absent" }));
      if (second === "won") return "it overwrites an object that a create-only put has to spare";
      return undefined;
    });
  }

  async createRace(key: string): Promise<string | undefined> {
    return this.#race("create-only puts", () => this.#put(key, { type: "if-absent" }));
  }

  async update(key: string): Promise<string | undefined> {
    if (!this.#store.supports.conditionalUpdate) return "it does not offer compare-and-swap";
    return orRefusal(async () => {
      const first = await this.#put(key, { type: "none" });
      const second = await this.#put(key, { type: "if-version", version: first.version });
      const stale = await settled(this.#put(key, { type: "if-version", version: first.version }));
      if (stale === "won") return "it overwrites an object that has another version";
      const { version } = second;
      return this.#race("compare-and-swaps", () => this.#put(key, { type: "if-version", version }));
    });
  }

  async #race(kind: string, start: () => Promise<ObjectMeta>): Promise<string | undefined> {
    const results = await Promise.all(Array.from({ length: RACERS }, () => settled(start())));
    const winners = results.filter((result) => result === "won").length;
    return winners <= 1 ? undefined : `it lets ${winners} of ${RACERS} racing ${kind} win`;
  }

  /** Each body is another, so that no version comes twice. */
  async #put(key: string, condition: PutCondition): Promise<ObjectMeta> {
    this.#serial += 1;
    const body = new TextEncoder().encode(`${key} ${this.#serial}`);
    return this.#store.put(key, body, { condition, signal: this.#signal, noCache: true });
  }
}

async function settled(put: Promise<ObjectMeta>): Promise<"won" | "lost"> {
  try {
    await put;
    return "won";
  } catch (error) {
    if (ObjectStoreError.is(error, "OBJECT_EXISTS", "OBJECT_CHANGED")) return "lost";
    // A racer that was told nothing may have won; the count of the others is still right.
    if (ObjectStoreError.is(error) && error.retry !== "never") return "lost";
    throw error;
  }
}

async function orRefusal(check: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await check();
  } catch (error) {
    if (ObjectStoreError.is(error, "UNSUPPORTED")) return "it refuses conditions";
    throw error;
  }
}
