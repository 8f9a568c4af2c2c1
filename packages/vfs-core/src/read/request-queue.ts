/**
 * Whose turn it is: requests to the store, a bounded number at a time, the urgent ones first.
 *
 * Always true:
 *   - A foreground request starts before any other that waits.
 *   - Prefetch, warm-up, hydration and compaction never take all places, so a miss finds one free.
 *   - Opening has places of its own: there are no misses yet that could suffer.
 *   - What is aborted while it waits for its turn leaves at once, with the reason of its signal.
 */

import {
  COMPACT_PARALLEL,
  HYDRATE_PARALLEL,
  OPEN_PARALLEL,
  PREFETCH_PARALLEL,
  REQUESTS_PARALLEL,
  WARM_UP_PARALLEL,
} from "../limits.ts";
import type { Purpose } from "../seeing/purpose.ts";

/** The most urgent first. */
export const PRIORITIES = [
  "foreground",
  "open",
  "prefetch",
  "warmUp",
  "hydrate",
  "compact",
] as const;

export type Priority = (typeof PRIORITIES)[number];

const PARALLEL_MAX: Readonly<Record<Priority, number>> = {
  foreground: REQUESTS_PARALLEL,
  open: OPEN_PARALLEL,
  prefetch: PREFETCH_PARALLEL,
  warmUp: WARM_UP_PARALLEL,
  hydrate: HYDRATE_PARALLEL,
  compact: COMPACT_PARALLEL,
};

/** A request that waits or runs. */
export interface Ticket {
  priority: Priority;
  /** Undefined: what the priority says. */
  purpose?: Purpose | undefined;
}

interface Waiting {
  readonly ticket: Ticket;
  readonly start: () => void;
}

export class RequestQueue {
  readonly #waiting: Record<Priority, Set<Waiting>> = {
    foreground: new Set(),
    open: new Set(),
    prefetch: new Set(),
    warmUp: new Set(),
    hydrate: new Set(),
    compact: new Set(),
  };
  readonly #running: Record<Priority, number> = {
    foreground: 0,
    open: 0,
    prefetch: 0,
    warmUp: 0,
    hydrate: 0,
    compact: 0,
  };
  /** Of all priorities. */
  #runningCount = 0;

  /** Runs the work when its turn comes. The signal ends the wait; the work has to see to itself. */
  async run<Result>(
    ticket: Ticket,
    work: () => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    await this.#turn(ticket, signal);
    const { priority } = ticket;
    try {
      return await work();
    } finally {
      this.#running[priority] -= 1;
      this.#runningCount -= 1;
      this.#startNext();
    }
  }

  /** Somebody waits for this one now: it goes to the front, if it has not started. */
  promote(ticket: Ticket): void {
    if (ticket.priority === "foreground") return;
    for (const waiting of this.#waiting[ticket.priority]) {
      if (waiting.ticket !== ticket) continue;
      this.#waiting[ticket.priority].delete(waiting);
      ticket.priority = "foreground";
      this.#waiting.foreground.add(waiting);
      this.#startNext();
      return;
    }
  }

  /** Somebody waits for the store right now. */
  get isForegroundBusy(): boolean {
    return this.#running.foreground + this.#waiting.foreground.size > 0;
  }

  get runningCount(): number {
    return this.#runningCount;
  }

  async #turn(ticket: Ticket, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.#waiting[ticket.priority].delete(waiting);
        reject(signal?.reason);
      };
      const start = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const waiting: Waiting = { ticket, start };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting[ticket.priority].add(waiting);
      this.#startNext();
    });
  }

  #startNext(): void {
    for (const priority of PRIORITIES) {
      // Called twice for each request, of thousands while a replica is opened.
      if (this.#waiting[priority].size === 0) continue;
      for (const waiting of this.#waiting[priority]) {
        const sharedCount = this.#runningCount - this.#running.open;
        if (priority !== "open" && sharedCount >= REQUESTS_PARALLEL) break;
        if (this.#running[priority] >= PARALLEL_MAX[priority]) break;
        this.#waiting[priority].delete(waiting);
        this.#running[priority] += 1;
        this.#runningCount += 1;
        waiting.start();
      }
    }
  }
}
