/**
 * The role of a mount that shows what others write: it follows the replica.
 */

import { RequestCounts, type RequestTrace, traced, untilAborted } from "@headwater/object-store";
import { HourCount } from "../hour-count.ts";
import { KEEP_SHARE } from "../limits.ts";
import type { MountParts } from "../mount-parts.ts";
import { forPurpose } from "../replica.ts";
import { type FollowStatus, summarizeError } from "../status.ts";
import { Follower, type FollowerStart } from "./follower.ts";

export class Reader {
  readonly #parts: MountParts;
  readonly #follower: Follower;
  readonly #end = new AbortController();
  readonly #counts = new RequestCounts();
  readonly #hour: HourCount;
  #isPaused = false;

  constructor(parts: MountParts, start: FollowerStart) {
    const { settings, base, service, waiters, tell } = parts;
    const { queue, toPublished, counter } = base;
    const replica = forPurpose(base.replica, "poll");
    const { cacheBytes, pollIntervalMs, listIntervalMs, clock } = settings;
    const { pollIntervalMsMax = pollIntervalMs } = settings;
    this.#parts = parts;
    this.#hour = new HourCount(clock);
    const onRequest = (trace: RequestTrace) => {
      this.#counts.add(trace);
      this.#hour.add();
    };
    this.#follower = new Follower(
      {
        replica: { ...replica, store: traced(replica.store, { onRequest, clock }) },
        state: service.state,
        queue,
        fetcher: service.fetcher,
        waiters,
        signal: this.#end.signal,
        pollIntervalMs,
        pollIntervalMsMax,
        listIntervalMs,
        keepBytes: cacheBytes / KEEP_SHARE,
        toPublished,
        counter,
        tell,
      },
      start,
    );
  }

  start(): void {
    this.#follower.start();
  }

  /** Resolves when no poll is under way, nor will be until `resume`. */
  pause(): Promise<void> {
    this.#isPaused = true;
    return this.#follower.pause();
  }

  /** Goes on following, if it was paused. */
  resume(): void {
    if (this.#isPaused) this.#follower.start();
    this.#isPaused = false;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** While it is paused and nobody writes: takes everything that there is. */
  catchUp(signal: AbortSignal): Promise<void> {
    return this.#follower.catchUp(AbortSignal.any([signal, this.#end.signal]));
  }

  hurry(): void {
    this.#follower.hurry();
  }

  async heal(): Promise<void> {
    if (!this.#isPaused) await this.#follower.heal();
  }

  /** Resolves with the newest visible transaction, when all that there were at the call are. */
  async flush(signal: AbortSignal | undefined): Promise<bigint> {
    await untilAborted(this.#follower.flush(), signal);
    return this.#parts.device.state().txid;
  }

  status(): FollowStatus {
    const { lastError, ...status } = this.#follower.status();
    const requests = this.#counts.toJSON();
    const requestsLastHour = this.#hour.count;
    return { ...status, lastError: summarizeError(lastError), requests, requestsLastHour };
  }

  /** For good. */
  async end(reason: unknown): Promise<void> {
    this.#end.abort(reason);
    await this.#follower.pause();
  }
}
