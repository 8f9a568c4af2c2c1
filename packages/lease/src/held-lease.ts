/**
 * The holder's side: renews, watches its own clocks, and stops believing in time.
 *
 * Always true:
 *   - It believes only while less than `ttlMs - marginMs` has passed since it sent the put that it
 *     last knows to have succeeded, by its monotonic clock and by its wall clock too.
 *   - Once lost it stays lost, whatever answers come in later.
 *   - If the wall clock ran ahead of the monotonic one by more than the margin, the machine slept,
 *     and the monotonic clock did not count it: lost.
 */

import { backoffMs, isTransient } from "./attempts.ts";
import { LeaseError, type LossReason } from "./errors.ts";
import type { CheckOptions, Lease, LeaseState, Predecessor } from "./lease.ts";
import type { LeaseObject, Observed, Written } from "./lease-object.ts";
import { ATTEMPTS_MAX } from "./limits.ts";
import type { Settings } from "./settings.ts";

/** How far renewals are spread around their moment, as a part of the time between them. */
const JITTER = 0.2;

export class HeldLease implements Lease {
  readonly key: string;
  readonly owner: string;
  readonly generation: bigint;
  readonly predecessor: Predecessor;
  readonly #settings: Settings;
  readonly #object: LeaseObject;
  readonly #lost = new AbortController();
  /** Ends the loops, for whatever reason. */
  readonly #stop = new AbortController();
  readonly #renewing: Promise<void>;
  #written: Written;
  /** The least that the wall clock was ahead of the monotonic one since that put was sent. */
  #wallAheadMsMin = 0;
  #state: LeaseState;
  #releasing: Promise<void> | undefined;

  constructor(settings: Settings, object: LeaseObject, written: Written, predecessor: Predecessor) {
    this.#settings = settings;
    this.#object = object;
    this.#written = written;
    this.#state = { type: "held", deadlineMs: deadlineMs(settings, written) };
    this.key = settings.key;
    this.owner = settings.owner;
    this.generation = written.record.generation;
    this.predecessor = predecessor;
    this.#renewing = this.#renewForever();
    void this.#watchForever();
  }

  get state(): LeaseState {
    this.#look();
    return this.#state;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async check(options: CheckOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    this.#throwUnlessHeld();
    if (this.#isProvenBy(options.serverDateMs)) return;
    for (let failures = 1; ; failures += 1) {
      try {
        const found = await this.#object.read(options.signal);
        this.#throwUnlessHeld();
        const ours = found === undefined ? undefined : this.#object.asOurs(found);
        if (ours === undefined) throw this.#lose(...lossOf(found));
        // The same record, but now with the date that the store gave it.
        if (ours.version === this.#written.version) this.#written = ours;
        return;
      } catch (error) {
        options.signal?.throwIfAborted();
        this.#loseIfForeign(error);
        this.#throwUnlessHeld();
        if (!isTransient(error) || failures === ATTEMPTS_MAX) throw error;
        const pauseMs = backoffMs(failures, error, this.#settings);
        await this.#settings.clock.sleep(pauseMs, { signal: options.signal });
      }
    }
  }

  release(): Promise<void> {
    this.#releasing ??= this.#release();
    return this.#releasing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #release(): Promise<void> {
    this.#look();
    if (this.#state.type === "lost") return;
    this.#state = { type: "released" };
    this.#stop.abort();
    try {
      await this.#giveBack();
    } finally {
      // No request of ours is on its way any more when this resolves.
      await this.#renewing;
    }
  }

  /** A renewal on its way may change the version meanwhile; the put then finds it and goes on. */
  async #giveBack(): Promise<void> {
    let problem: unknown;
    for (let failures = 1; failures <= ATTEMPTS_MAX; failures += 1) {
      try {
        const claim = { generation: this.generation, released: true };
        const outcome = await this.#object.put(claim, this.#written.version);
        if (outcome.type === "refused") return;
        if (outcome.type === "written") {
          this.#written = outcome.written;
          if (outcome.written.record.released) return;
        }
        problem = undefined;
      } catch (error) {
        if (!isTransient(error)) throw error;
        problem = error;
      }
      await this.#settings.clock.sleep(backoffMs(failures, problem, this.#settings));
    }
    if (problem !== undefined) throw problem;
  }

  async #renewForever(): Promise<void> {
    const { clock, renewMs, random } = this.#settings;
    while (!this.#stop.signal.aborted) {
      const spreadMs = renewMs * JITTER * (random() - 0.5);
      const dueMs = this.#written.sent.monotonicMs + renewMs + spreadMs;
      if (!(await this.#pause(dueMs - clock.monotonicMs()))) return;
      await this.#renew();
    }
  }

  /** Ends when the lease is renewed, lost or released. */
  async #renew(): Promise<void> {
    for (let failures = 1; this.#isHeld(); failures += 1) {
      let problem: unknown;
      try {
        const claim = { generation: this.generation, released: false };
        const outcome = await this.#object.put(claim, this.#written.version);
        if (outcome.type === "written") {
          this.#confirm(outcome.written);
          return;
        }
        if (outcome.type === "refused") {
          this.#lose(...lossOf(outcome.found));
          return;
        }
      } catch (error) {
        // Even what will not change by itself, such as credentials that ran out, may be put right
        // before the lease expires. Until then it is ours.
        this.#loseIfForeign(error);
        problem = error;
      }
      if (!(await this.#pause(backoffMs(failures, problem, this.#settings)))) return;
    }
  }

  /** However late its answer is, a put proves the lease ours until its own deadline. */
  #confirm(written: Written): void {
    this.#written = written;
    this.#wallAheadMsMin = 0;
    if (this.#state.type !== "held") return;
    this.#state = { type: "held", deadlineMs: deadlineMs(this.#settings, written) };
    this.#look();
  }

  /** Timers that are late do no harm: whoever asks for the state makes it look at the clocks. */
  async #watchForever(): Promise<void> {
    const { clock, watchMs } = this.#settings;
    while (this.#state.type === "held") {
      const leftMs = this.#state.deadlineMs - clock.monotonicMs();
      if (!(await this.#pause(Math.min(leftMs, watchMs)))) return;
      this.#look();
    }
  }

  /** Sleeps without keeping the process alive. False if the loops are to end. */
  async #pause(durationMs: number): Promise<boolean> {
    const { signal } = this.#stop;
    try {
      await this.#settings.clock.sleep(Math.max(0, durationMs), { signal, background: true });
      return !signal.aborted;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }

  #look(): void {
    if (this.#state.type !== "held") return;
    const { clock, ttlMs, marginMs } = this.#settings;
    const { sent } = this.#written;
    const monotonicMs = clock.monotonicMs() - sent.monotonicMs;
    const wallMs = clock.nowMs() - sent.wallMs;
    const wallAheadMs = wallMs - monotonicMs;
    // A wall clock that was set back must not hide a sleep that comes after.
    this.#wallAheadMsMin = Math.min(this.#wallAheadMsMin, wallAheadMs);
    const aheadMs = Math.round(wallAheadMs - this.#wallAheadMsMin);
    if (aheadMs > marginMs) {
      this.#lose("frozen", `the wall clock ran ahead by ${aheadMs} ms`);
    } else if (clock.monotonicMs() >= this.#state.deadlineMs || wallMs >= ttlMs - marginMs) {
      this.#lose("expired", "it could not be renewed in time");
    }
  }

  #isHeld(): boolean {
    return this.state.type === "held";
  }

  #throwUnlessHeld(): void {
    const { state } = this;
    if (state.type === "lost") throw state.error;
    if (state.type === "released") {
      const message = `the lease ${this.key} was released`;
      throw new LeaseError("LEASE_RELEASED", message, { key: this.key });
    }
  }

  #lose(lossReason: LossReason, problem: string): LeaseError {
    const { key, generation } = this;
    const message = `the lease ${key}, generation ${generation}, is lost: ${problem}`;
    const error = new LeaseError("LEASE_LOST", message, { key, lossReason });
    if (this.#state.type !== "held") return error;
    this.#state = { type: "lost", error };
    this.#stop.abort();
    this.#lost.abort(error);
    return error;
  }

  /** Something that is not even a lease stands in the place of ours. */
  #loseIfForeign(error: unknown): void {
    if (LeaseError.is(error, "RECORD_INVALID")) this.#lose("taken", error.message);
  }

  #isProvenBy(serverDateMs: number | undefined): boolean {
    const { notBeforeMs } = this.#written;
    if (serverDateMs === undefined || notBeforeMs === undefined) return false;
    const { ttlMs, marginMs } = this.#settings;
    return serverDateMs + marginMs <= notBeforeMs + ttlMs;
  }
}

function deadlineMs({ ttlMs, marginMs }: Settings, { sent }: Written): number {
  return sent.monotonicMs + ttlMs - marginMs;
}

function lossOf(found: Observed | undefined): [LossReason, string] {
  if (found === undefined) return ["removed", "its object is gone"];
  const { owner = "somebody", generation } = found.record;
  return ["taken", `${owner} has it, generation ${generation}`];
}
