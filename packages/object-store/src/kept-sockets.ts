/**
 * Which of the sockets that an agent keeps are used again.
 *
 * A connection can be gone without a word: what has forgotten it says so to nobody, and what is
 * sent over it is answered by silence. So
 *   - one over which nothing was heard for a minute is not used again, by either clock: a machine
 *     that stood still may see it by one of them only;
 *   - a request that gets no answer for a second takes with it all that are not in use and have not
 *     been heard of since. A repetition would only find the next one of those.
 */

import type { Agent } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "./clock.ts";
import { KEPT_LOOK_MS, KEPT_MS_MAX, KEPT_SILENT_MS } from "./limits.ts";

/** By both clocks of this machine. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export class KeptSockets {
  readonly #agent: Agent;
  readonly #clock: Clock;
  readonly #heard = new WeakMap<Socket, Moment>();
  #looked: Moment;

  constructor(agent: Agent, clock: Clock) {
    this.#agent = agent;
    this.#clock = clock;
    this.#looked = this.now();
  }

  now(): Moment {
    return { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.nowMs() };
  }

  /** Whether it has been connected. */
  has(socket: Socket): boolean {
    return this.#heard.has(socket);
  }

  /** The other side has told something. */
  hear(socket: Socket): void {
    this.#heard.set(socket, this.now());
  }

  /** Before a request. */
  forgetOld(): void {
    const now = this.now();
    if (apartMs(this.#looked, now) < KEPT_LOOK_MS) return;
    this.#looked = now;
    this.#forget((heard) => apartMs(heard, now) > KEPT_MS_MAX);
  }

  /** A request that was sent over this socket then has no answer, or not all of it. */
  doubt(socket: Socket, sent: Moment): void {
    const heard = this.#heard.get(socket);
    const quiet = heard !== undefined && heard.monotonicMs > sent.monotonicMs ? heard : sent;
    if (apartMs(quiet, this.now()) < KEPT_SILENT_MS) return;
    this.#forget((last) => last.monotonicMs <= quiet.monotonicMs);
  }

  #forget(isGone: (heard: Moment) => boolean): void {
    for (const socket of Object.values(this.#agent.freeSockets).flat()) {
      const heard = socket && this.#heard.get(socket);
      if (heard !== undefined && isGone(heard)) socket?.destroy();
    }
  }
}

function apartMs(from: Moment, to: Moment): number {
  return Math.max(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);
}
