/**
 * A store that goes wrong on purpose: by operation, by key, before or after the work, from a seed.
 *
 * The first rule that fits a call and whose dice fall decides. Without one the call goes through.
 *
 *   before   nothing happens, and the call fails
 *   after    it happens, and the answer is lost
 *   late     the answer is lost at once, and it happens later: a request still on its way
 *   slow     it happens after a delay
 */

import type { Clock, Random } from "../clock.ts";
import { ObjectStoreError, type ObjectStoreErrorCode } from "../errors.ts";
import { InFlight } from "../in-flight.ts";
import { carriedUpload } from "../layers/carried-upload.ts";
import { Layer } from "../layers/layer.ts";
import type {
  CallOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  ListOptions,
  ObjectMeta,
  ObjectStore,
  Operation,
  PutOptions,
  Upload,
  UploadOptions,
} from "../object-store.ts";
import { systemClock } from "../system.ts";
import { seededRandom } from "./seeded-random.ts";

export type Fault =
  | { readonly type: "before"; readonly code?: ObjectStoreErrorCode | undefined }
  | { readonly type: "after"; readonly code?: ObjectStoreErrorCode | undefined }
  | { readonly type: "late"; readonly delayMs: number }
  | { readonly type: "slow"; readonly delayMs: number };

export interface FaultRule {
  readonly fault: Fault;
  /** Undefined: every operation. */
  readonly operation?: Operation | readonly Operation[] | undefined;
  /** Of the key, or of a listing's prefix. */
  readonly keyPrefix?: string | undefined;
  /** 0 to 1; undefined: always. */
  readonly chance?: number | undefined;
  /** Calls that fit but are let through first. */
  readonly skip?: number | undefined;
  /** After so many faults the rule is spent; undefined: never. */
  readonly times?: number | undefined;
}

export interface FaultyOptions {
  readonly rules: readonly FaultRule[];
  readonly seed?: number | undefined;
  readonly clock?: Clock | undefined;
  /** Told of every fault as it is made. */
  readonly onFault?: ((fault: Fault, operation: Operation, key: string) => void) | undefined;
}

export function faulty(store: ObjectStore, options: FaultyOptions): FaultyStore {
  return new FaultyStore(store, options);
}

interface RuleState {
  readonly rule: FaultRule;
  skipsLeft: number;
  timesLeft: number;
}

export class FaultyStore extends Layer implements ObjectStore {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onFault: NonNullable<FaultyOptions["onFault"]>;
  readonly #inFlight: InFlight;
  readonly #late = new Set<Promise<unknown>>();
  #rules: RuleState[];
  #faultCount = 0;

  constructor(inner: ObjectStore, { rules, seed = 1, clock, onFault }: FaultyOptions) {
    super(inner);
    this.#inFlight = new InFlight(this.name);
    this.#clock = clock ?? systemClock;
    this.#random = seededRandom(seed);
    this.#onFault = onFault ?? (() => undefined);
    this.#rules = rules.map(toState);
  }

  /** Faults made so far, so that a test can tell that its rules fit anything. */
  get faultCount(): number {
    return this.#faultCount;
  }

  setRules(rules: readonly FaultRule[]): void {
    this.#rules = rules.map(toState);
  }

  /** Resolves when every late request has arrived. */
  async settled(): Promise<void> {
    await Promise.all(this.#late);
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    return this.#call("get", key, false, options, () => this.inner.get(key, options));
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    return this.#call("head", key, false, options, () => this.inner.head(key, options));
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    const conditional = options.condition.type !== "none";
    // A late put arrives with the bytes it left with.
    const sent = body.slice();
    return this.#call("put", key, conditional, options, () => this.inner.put(key, sent, options));
  }

  /** Each step may fail by itself. */
  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    let isLost = false;
    let opened: Upload | undefined;
    const open = async () => {
      opened = await this.inner.openUpload(key, options);
      if (isLost) await opened.abort();
      return opened;
    };
    const call = this.#call("openUpload", key, false, options, open);
    const upload = await call.catch(async (error: unknown) => {
      isLost = true;
      // As with a server, which has it all the same; the store below waits for the end of it.
      await opened?.abort();
      throw error;
    });
    const disturbed = carriedUpload(upload, async ({ operation, options: given, send }) => {
      const isLast = operation === "completeUpload";
      try {
        return await this.#disturb(operation, key, isLast, given, () => send(given));
      } catch (error) {
        // It shows in nothing but that the store below does not wait for its end.
        if (operation === "abortUpload") await upload.abort();
        throw error;
      }
    });
    return {
      ...disturbed,
      // A late part arrives with the bytes it left with.
      putPart: (index, body, given) => disturbed.putPart(index, body.slice(), given),
    };
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    const conditional = options.condition?.type === "if-version";
    return this.#call("delete", key, conditional, options, () => this.inner.delete(key, options));
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    return this.#call("deleteMany", keys[0] ?? "", false, options, () =>
      this.inner.deleteMany(keys, options),
    );
  }

  /** A fault before ends the listing at its start, one after ends it at its end. */
  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    const fault = this.#pick("list", prefix);
    if (fault?.type === "slow") await this.#clock.sleep(fault.delayMs, options);
    if (fault?.type === "before") throw this.#error(fault.code, "list", prefix, false);
    yield* this.inner.list(prefix, options);
    if (fault?.type === "after" || fault?.type === "late") {
      throw this.#error("UNAVAILABLE", "list", prefix, false);
    }
  }

  override async close(): Promise<void> {
    await this.#inFlight.close();
    await this.settled();
    await super.close();
  }

  async #call<Result>(
    operation: Operation,
    key: string,
    conditional: boolean,
    options: CallOptions,
    work: () => Promise<Result>,
  ): Promise<Result> {
    return this.#inFlight.run(operation, options, () =>
      this.#disturb(operation, key, conditional, options, work),
    );
  }

  async #disturb<Result>(
    operation: Operation,
    key: string,
    conditional: boolean,
    options: CallOptions,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const fault = this.#pick(operation, key);
    switch (fault?.type) {
      case undefined:
        return work();
      case "slow":
        await this.#clock.sleep(fault.delayMs, options);
        return work();
      case "before":
        throw this.#error(fault.code ?? "UNAVAILABLE", operation, key, conditional);
      case "after":
        await work();
        throw this.#error(fault.code, operation, key, conditional);
      case "late": {
        const arrival = this.#clock
          .sleep(fault.delayMs)
          .then(work)
          .catch(() => undefined);
        this.#late.add(arrival);
        arrival.then(() => this.#late.delete(arrival));
        throw this.#error(undefined, operation, key, conditional);
      }
    }
  }

  #pick(operation: Operation, key: string): Fault | undefined {
    for (const state of this.#rules) {
      const { rule } = state;
      if (!fits(rule, operation, key) || state.timesLeft <= 0) continue;
      if (state.skipsLeft > 0) {
        state.skipsLeft -= 1;
        continue;
      }
      if (rule.chance !== undefined && this.#random() >= rule.chance) continue;
      state.timesLeft -= 1;
      this.#faultCount += 1;
      this.#onFault(rule.fault, operation, key);
      return rule.fault;
    }
    return undefined;
  }

  #error(
    code: ObjectStoreErrorCode | undefined,
    operation: Operation,
    key: string,
    conditional: boolean,
  ): ObjectStoreError {
    const lost = code ?? (conditional ? "OUTCOME_UNKNOWN" : "UNAVAILABLE");
    const message = `${operation} ${key} on ${this.name}: a fault made on purpose`;
    return new ObjectStoreError(lost, message, { store: this.name, operation, key });
  }
}

function toState(rule: FaultRule): RuleState {
  return { rule, skipsLeft: rule.skip ?? 0, timesLeft: rule.times ?? Number.POSITIVE_INFINITY };
}

function fits({ operation, keyPrefix }: FaultRule, actual: Operation, key: string): boolean {
  if (keyPrefix !== undefined && !key.startsWith(keyPrefix)) return false;
  if (operation === undefined) return true;
  return typeof operation === "string" ? operation === actual : operation.includes(actual);
}
