/**
 * Getting a lease: read the record, judge whether it is free, and try to replace it.
 *
 * Always true:
 *   - The generation of a new holder is greater than any that was in the record before.
 *   - When the call fails, a put that won all the same is given back. If the store no longer
 *     answers, it may stay, and expires.
 */

import { conditionsProblem, deadlined } from "@headwater/object-store";
import { backoffMs, isTransient } from "./attempts.ts";
import { LeaseError } from "./errors.ts";
import { ExpiryJudge, type Verdict } from "./expiry.ts";
import { HeldLease } from "./held-lease.ts";
import type { Lease, Predecessor } from "./lease.ts";
import { LeaseObject, type Observed, unsupported, type Written } from "./lease-object.ts";
import { ATTEMPTS_MAX } from "./limits.ts";
import { type AcquireLeaseOptions, type Settings, toSettings } from "./settings.ts";

/**
 * Resolves with the lease, which is then renewed until it is released or lost. Rejects with
 * LEASE_HELD if somebody has it and `wait` is not set.
 */
export async function acquireLease(options: AcquireLeaseOptions): Promise<Lease> {
  const settings = toSettings(options);
  const { conditionalCreate, conditionalUpdate } = settings.store.supports;
  if (!conditionalCreate) throw unsupported(settings, "it has no put that only creates");
  if (!conditionalUpdate) throw unsupported(settings, "it has no put that only updates");
  const { signal } = options;
  signal?.throwIfAborted();
  const acquiring = new Acquisition(settings, signal).run();
  if (signal === undefined) return acquiring;
  return options.settles === true ? settled(acquiring, signal) : orAbort(acquiring, signal);
}

async function settled(acquiring: Promise<Lease>, signal: AbortSignal): Promise<Lease> {
  const lease = await acquiring;
  if (!signal.aborted) return lease;
  await lease.release().catch(() => {});
  throw signal.reason;
}

/** The caller need not wait until what is under way has been settled and given back. */
function orAbort(acquiring: Promise<Lease>, signal: AbortSignal): Promise<Lease> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    acquiring
      .then((lease) => {
        if (!signal.aborted) resolve(lease);
        else lease.release().catch(() => {});
      }, reject)
      .finally(() => signal.removeEventListener("abort", onAbort));
  });
}

class Acquisition {
  readonly #settings: Settings;
  readonly #signal: AbortSignal | undefined;
  readonly #object: LeaseObject;
  readonly #judge: ExpiryJudge;
  #predecessor: Predecessor = "none";
  #isStoreProven: boolean;

  constructor(settings: Settings, signal: AbortSignal | undefined) {
    this.#settings = settings;
    this.#signal = signal;
    this.#object = new LeaseObject(settings);
    this.#judge = new ExpiryJudge(settings);
    this.#isStoreProven = !settings.probe;
  }

  async run(): Promise<Lease> {
    let failures = 0;
    for (;;) {
      try {
        if (!this.#isStoreProven) await this.#askStore();
        const written = await this.#tryOnce();
        if (written !== undefined) return this.#hold(written);
        failures = 0;
      } catch (error) {
        this.#signal?.throwIfAborted();
        failures += 1;
        if (!isTransient(error)) throw error;
        if (!this.#settings.wait && failures === ATTEMPTS_MAX) throw error;
        await this.#sleep(backoffMs(failures, error, this.#settings));
      }
    }
  }

  /** A store that only says that it can keep conditions would let two of us hold the lease. */
  async #askStore(): Promise<void> {
    const { store, key, random, clock, requestTimeoutMs } = this.#settings;
    const ending = deadlined(store, { requestMs: requestTimeoutMs, clock });
    const problem = await conditionsProblem(ending, {
      kinds: ["conditionalCreate", "conditionalUpdate"],
      prefix: key.slice(0, key.lastIndexOf("/") + 1),
      random,
      signal: this.#signal,
    });
    if (problem !== undefined) throw unsupported(this.#settings, problem);
    this.#isStoreProven = true;
  }

  /** What we wrote if the lease is ours; undefined, after a pause, if it is to be tried again. */
  async #tryOnce(): Promise<Written | undefined> {
    const found = await this.#object.read(this.#signal);
    // A put of ours whose answer got lost: nobody was told, and it is ours to renew.
    const ours = found === undefined ? undefined : this.#object.asOurs(found);
    const isFree = found === undefined || ours !== undefined || this.#object.isLeft(found);
    const verdict: Verdict = isFree ? { type: "free" } : this.#judge.judge(found);
    if (verdict.type === "held") {
      if (!this.#settings.wait) throw this.#heldError(verdict);
      await this.#sleep(Math.min(verdict.freeInMs, this.#spread(this.#settings.pollMs)));
      return undefined;
    }
    const generation = ours?.record.generation ?? this.#nextGeneration(found);
    if (ours === undefined) this.#predecessor = predecessorOf(found);
    const claim = { generation, released: false };
    const outcome = await this.#object.put(claim, found?.version);
    if (outcome.type === "written") return outcome.written;
    // Somebody was faster, or nobody won. Contenders must not look again in step.
    await this.#sleep(this.#spread(Math.min(this.#settings.pollMs, this.#settings.marginMs)) / 4);
    return undefined;
  }

  #nextGeneration(found: Observed | undefined): bigint {
    const next = (found?.record.generation ?? 0n) + 1n;
    return next > this.#settings.generationMin ? next : this.#settings.generationMin;
  }

  #hold(written: Written): Lease {
    const lease = new HeldLease(this.#settings, this.#object, written, this.#predecessor);
    const { state } = lease;
    if (state.type === "lost") throw state.error;
    return lease;
  }

  #heldError({ holder }: Extract<Verdict, { type: "held" }>): LeaseError {
    const { key } = this.#settings;
    const { owner = "somebody", generation, expiresInMs } = holder;
    const when = expiresInMs === undefined ? "" : `, for ${Math.ceil(expiresInMs / 1000)} s more`;
    const message = `the lease ${key} is held by ${owner}, generation ${generation}${when}`;
    return new LeaseError("LEASE_HELD", message, { key, holder });
  }

  #spread(durationMs: number): number {
    return durationMs * (0.75 + this.#settings.random() / 2);
  }

  #sleep(durationMs: number): Promise<void> {
    return this.#settings.clock.sleep(durationMs, { signal: this.#signal });
  }
}

function predecessorOf(found: Observed | undefined): Predecessor {
  if (found === undefined) return "none";
  return found.record.released ? "released" : "expired";
}
