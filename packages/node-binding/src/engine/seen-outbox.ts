/**
 * Messages of one mount on their way to the thread that made it, in batches.
 *
 * Always true:
 *   - They keep their order. One batch is under way at a time; what comes meanwhile waits, and goes
 *     with the next one, so a thread that has no time gets few large batches.
 *   - No more than so many wait. The rest is left out, and the next message of the same channel
 *     tells how many.
 */

import type { Observer, Seen, SeenChannel } from "@headwater/vfs-core";
import { bitOf } from "../seeing/channel-bit.ts";
import type { SeenAfter } from "../seeing/channels.ts";
import { afterThisTurn } from "../system.ts";

/** Some hundred bytes each. */
export const SEEN_WAITING_MAX = 4096;

export interface SeenOutboxOptions {
  /** What that thread wants; see channels.ts. */
  readonly wanted: SharedArrayBuffer;
  readonly post: (batch: readonly SeenAfter[]) => void;
}

export class SeenOutbox implements Observer {
  readonly #options: SeenOutboxOptions;
  readonly #words: Int32Array;
  readonly #dropped = new Map<SeenChannel, number>();
  #waiting: SeenAfter[] = [];
  #isUnderWay = false;

  constructor(options: SeenOutboxOptions) {
    this.#options = options;
    this.#words = new Int32Array(options.wanted);
  }

  wants(channel: SeenChannel): boolean {
    return (Atomics.load(this.#words, 0) & bitOf(channel)) !== 0;
  }

  tell(seen: Seen): void {
    const { channel } = seen;
    const dropped = this.#dropped.get(channel) ?? 0;
    if (this.#waiting.length >= SEEN_WAITING_MAX) {
      this.#dropped.set(channel, dropped + 1);
      return;
    }
    this.#dropped.delete(channel);
    this.#waiting.push({ ...seen, dropped });
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    afterThisTurn(() => this.#post());
  }

  /** The thread has the last batch. */
  saw(): void {
    if (this.#waiting.length > 0) this.#post();
    else this.#isUnderWay = false;
  }

  /** Posts the rest, whether or not the thread has time. */
  end(): void {
    if (this.#waiting.length > 0) this.#post();
  }

  #post(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length > 0) this.#options.post(batch);
  }
}
