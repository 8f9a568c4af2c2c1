/**
 * Does this store keep its conditions? Asked of the store itself, with objects that are put for the
 * purpose and taken away again.
 *
 * Some servers ignore conditions, some keep them only while one caller comes after another. Leases
 * and single writers on such a store hold nobody back, and nothing else would ever tell.
 *
 * A race that nobody lost shows that a store is bad; that all were lost but one proves little, so
 * it is run twice where it is cheapest. About thirty requests for puts and deletes, and as many for
 * uploads, which conditions-problem.ts makes once.
 */

import type { Random } from "./clock.ts";
import { ObjectStoreError } from "./errors.ts";
import type {
  CallOptions,
  ObjectMeta,
  ObjectStore,
  ObjectVersion,
  PutCondition,
  Supports,
} from "./object-store.ts";
import { systemRandom } from "./system.ts";

export type ConditionKind = keyof Pick<
  Supports,
  "conditionalCreate" | "conditionalUpdate" | "conditionalDelete" | "streamedConditions"
>;

export interface ConditionsCheckOptions extends CallOptions {
  /** Put before the names of the objects; a folder needs its slash. */
  readonly prefix: string;
  /** What to ask. Undefined: everything. */
  readonly kinds?: readonly ConditionKind[] | undefined;
  readonly random?: Random | undefined;
}

/** Why a kind of condition cannot be relied on, in one sentence; undefined where it can. */
export type ConditionsCheck = { readonly [Kind in ConditionKind]?: string | undefined };

export const CONDITION_KINDS: readonly ConditionKind[] = [
  "conditionalCreate",
  "conditionalUpdate",
  "conditionalDelete",
  "streamedConditions",
];

/** What the names of the objects begin with, after the prefix. A killed process leaves them. */
export const CHECK_NAME = "headwater-check-";

const RACERS = 8;

/** One small part comes of it. */
const UPLOAD_SIZE_MAX = 1024;

/** The first race also opens the connections; only the second has them all start at once. */
const CREATE_RACES = 2;

/** Rejects only when the store cannot be used at all; what it cannot do is in the answer. */
export async function checkConditions(
  store: ObjectStore,
  { prefix, kinds = CONDITION_KINDS, random = systemRandom, signal }: ConditionsCheckOptions,
): Promise<ConditionsCheck> {
  const nonce = Math.floor(random() * 2 ** 48).toString(36);
  const probe = new Probe(store, `${prefix}${CHECK_NAME}${nonce}-`, signal);
  const check: { [Kind in ConditionKind]?: string | undefined } = {};
  try {
    for (const kind of kinds) check[kind] = await probe.ask(kind);
  } catch (error) {
    // A store that failed, or that nobody waits for any more, may not answer this either.
    if (probe.hasPut) store.deleteMany(probe.keys).catch(() => undefined);
    throw error;
  }
  await store.deleteMany(probe.keys).catch(() => undefined);
  return check;
}

class Probe {
  readonly keys: string[] = [];
  /** The store has answered at least one put. */
  hasPut = false;
  readonly #store: ObjectStore;
  readonly #prefix: string;
  readonly #signal: AbortSignal | undefined;
  #serial = 0;

  constructor(store: ObjectStore, prefix: string, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#prefix = prefix;
    this.#signal = signal;
  }

  async ask(kind: ConditionKind): Promise<string | undefined> {
    const { offer, run } = QUESTIONS[kind];
    if (!this.#store.supports[kind]) return `it does not offer ${offer}`;
    try {
      return await run(this);
    } catch (error) {
      if (ObjectStoreError.is(error, "UNSUPPORTED")) return `it refuses ${offer}`;
      throw error;
    }
  }

  newKey(): string {
    const key = `${this.#prefix}${this.keys.length}`;
    this.keys.push(key);
    return key;
  }

  /** Each body is another, so that no version comes twice. */
  async put(key: string, condition: PutCondition): Promise<ObjectMeta> {
    this.#serial += 1;
    const body = new TextEncoder().encode(`${key} ${this.#serial}`);
    const options = { condition, signal: this.#signal, noCache: true };
    const meta = await this.#store.put(key, body, options);
    this.hasPut = true;
    return meta;
  }

  async remove(key: string, version: ObjectVersion): Promise<void> {
    const condition = { type: "if-version", version } as const;
    await this.#store.delete(key, { condition, signal: this.#signal });
  }

  /** As an upload of one part. */
  async putStreamed(key: string, condition: PutCondition): Promise<ObjectMeta> {
    const call = { signal: this.#signal };
    const options = { condition, sizeMax: UPLOAD_SIZE_MAX, ...call };
    const upload = await this.#store.openUpload(key, options);
    try {
      this.#serial += 1;
      await upload.putPart(0, new TextEncoder().encode(`${key} ${this.#serial}`), call);
      const meta = await upload.complete(call);
      this.hasPut = true;
      return meta;
    } catch (error) {
      await upload.abort().catch(() => undefined);
      throw error;
    }
  }

  async race(kind: string, start: () => Promise<ObjectMeta>): Promise<string | undefined> {
    const results = await Promise.all(Array.from({ length: RACERS }, () => outcomeOf(start())));
    const winners = results.filter((result) => result === "won").length;
    return winners <= 1 ? undefined : `it lets ${winners} of ${RACERS} racing ${kind} win`;
  }
}

interface Question {
  readonly offer: string;
  readonly run: (probe: Probe) => Promise<string | undefined>;
}

const QUESTIONS: Readonly<Record<ConditionKind, Question>> = {
  conditionalCreate: { offer: "create-only puts", run: askCreate },
  conditionalUpdate: { offer: "compare-and-swap", run: askUpdate },
  conditionalDelete: { offer: "conditional deletes", run: askDelete },
  streamedConditions: { offer: "conditions for objects that come in parts", run: askStreamed },
};

async function askCreate(probe: Probe): Promise<string | undefined> {
  const key = probe.newKey();
  await probe.put(key, { type: "if-absent" });
  if ((await outcomeOf(probe.put(key, { type: "if-absent" }))) === "won") {
    return "it overwrites an object that a create-only put has to spare";
  }
  for (let race = 0; race < CREATE_RACES; race += 1) {
    const raced = probe.newKey();
    const problem = await probe.race("create-only puts", () =>
      probe.put(raced, { type: "if-absent" }),
    );
    if (problem !== undefined) return problem;
  }
  return undefined;
}

async function askUpdate(probe: Probe): Promise<string | undefined> {
  const key = probe.newKey();
  const first = await probe.put(key, { type: "none" });
  const second = await orChanged(probe.put(key, { type: "if-version", version: first.version }));
  if (second === "changed") return "it refuses to replace the very version that it gave";
  const stale = await outcomeOf(probe.put(key, { type: "if-version", version: first.version }));
  if (stale === "won") return "it overwrites an object that has another version";
  const { version } = second;
  return probe.race("compare-and-swaps", () => probe.put(key, { type: "if-version", version }));
}

async function askDelete(probe: Probe): Promise<string | undefined> {
  const key = probe.newKey();
  const first = await probe.put(key, { type: "none" });
  const second = await probe.put(key, { type: "none" });
  if ((await outcomeOf(probe.remove(key, first.version))) === "won") {
    return "it deletes an object that has another version";
  }
  const right = await orChanged(probe.remove(key, second.version));
  return right === "changed" ? "it refuses to delete the very version that it gave" : undefined;
}

async function askStreamed(probe: Probe): Promise<string | undefined> {
  const key = probe.newKey();
  const absent = { type: "if-absent" } as const;
  const { version } = await probe.putStreamed(key, absent);
  if ((await outcomeOf(probe.putStreamed(key, absent))) === "won") {
    return "it overwrites an object that a create-only upload has to spare";
  }
  await probe.put(key, { type: "none" });
  if ((await outcomeOf(probe.putStreamed(key, { type: "if-version", version }))) === "won") {
    return "it overwrites an object that has another version by an upload";
  }
  const raced = probe.newKey();
  return probe.race("create-only uploads", () => probe.putStreamed(raced, absent));
}

async function outcomeOf(call: Promise<unknown>): Promise<"won" | "lost"> {
  try {
    await call;
    return "won";
  } catch (error) {
    if (ObjectStoreError.is(error, "OBJECT_EXISTS", "OBJECT_CHANGED")) return "lost";
    // A racer that was told nothing may have won; the count of the others is still right.
    if (ObjectStoreError.is(error) && error.retry !== "never") return "lost";
    throw error;
  }
}

async function orChanged<Result>(call: Promise<Result>): Promise<Result | "changed"> {
  try {
    return await call;
  } catch (error) {
    if (ObjectStoreError.is(error, "OBJECT_CHANGED")) return "changed";
    throw error;
  }
}
