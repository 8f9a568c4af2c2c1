/**
 * What a mount lets others see of its work: its counters always, messages when somebody wants them.
 */

import type { RequestMeter } from "@headwater/object-store";
import type { Clock } from "../clock.ts";
import { summarizeError } from "../status.ts";
import type { Observer, Seen, SeenChannel, SeenMessages } from "./messages.ts";
import { PURPOSES, type Purpose } from "./purpose.ts";
import { toUsage, type Usage } from "./usage.ts";
import { readCounters, UsageCounters } from "./usage-counters.ts";

export interface SeeingOptions {
  /** Of the mount. */
  readonly name: string;
  readonly clock: Clock;
  readonly observer?: Observer | undefined;
}

/** What every message has that tells of work. */
export interface Measure {
  readonly durationMs: number;
  readonly requests: number;
  readonly bytes: number;
}

type FetchFacts = Pick<SeenMessages["fetch"], "key" | "pages" | "hedged" | "purpose">;
type Unnamed<Message> = Omit<Message, "mount">;

export class Seeing {
  readonly counters = new UsageCounters();
  readonly #options: SeeingOptions;
  readonly #meters = new Map<Purpose, RequestMeter>();

  constructor(options: SeeingOptions) {
    this.#options = options;
    for (const purpose of PURPOSES) this.#meters.set(purpose, this.counters.meter(purpose));
  }

  usage(): Usage {
    return toUsage(readCounters(this.counters.buffer));
  }

  meter(purpose: Purpose): RequestMeter {
    return this.#meters.get(purpose)!;
  }

  wants(channel: SeenChannel): boolean {
    return this.#options.observer?.wants(channel) ?? false;
  }

  tell<Channel extends SeenChannel>(
    channel: Channel,
    message: Unnamed<SeenMessages[Channel]>,
  ): void {
    if (!this.wants(channel)) return;
    const named = { mount: this.#options.name, ...message };
    this.#options.observer?.tell({ channel, message: named } as unknown as Seen);
  }

  /**
   * Measures from now on, by what is counted for that purpose: of two things at the same time for
   * the same, each would have the requests of both.
   */
  measure(purpose: Purpose): () => Measure {
    const { clock } = this.#options;
    const sums = this.counters.sums(purpose);
    const { requests, bytes } = sums;
    const startMs = clock.monotonicMs();
    return () => ({
      durationMs: clock.monotonicMs() - startMs,
      requests: sums.requests - requests,
      bytes: sums.bytes - bytes,
    });
  }

  /** Sends one request for pages, with the meter that is to have it. */
  async fetch<Result>(
    facts: FetchFacts,
    send: (meter: RequestMeter) => Promise<Result>,
  ): Promise<Result> {
    const meter = this.meter(facts.purpose);
    if (!this.wants("fetch")) return send(meter);
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    const tally = new Tally(meter);
    let failure: unknown;
    try {
      return await send(tally);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      const durationMs = clock.monotonicMs() - startMs;
      const { requests, bytes } = tally;
      this.tell("fetch", { ...facts, durationMs, requests, bytes, error: summarizeError(failure) });
    }
  }
}

/** Counts for one call, and passes on. */
class Tally implements RequestMeter {
  requests = 0;
  bytes = 0;
  readonly #meter: RequestMeter;

  constructor(meter: RequestMeter) {
    this.#meter = meter;
  }

  sent(...args: Parameters<RequestMeter["sent"]>): void {
    this.requests += 1;
    this.bytes += args[1];
    this.#meter.sent(...args);
  }

  ended(...args: Parameters<RequestMeter["ended"]>): void {
    this.bytes += args[1];
    this.#meter.ended(...args);
  }

  retried(...args: Parameters<RequestMeter["retried"]>): void {
    this.#meter.retried(...args);
  }
}
