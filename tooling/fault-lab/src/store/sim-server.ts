/**
 * The one store of a run, with a clock of its own, and what it holds in truth.
 */

import type { ObjectMeta, ObjectStore, PutOptions } from "@headwater/object-store";
import { MemoryBucket, MemoryStore } from "@headwater/object-store/memory";
import type { Dice } from "../dice.ts";
import type { Scheduler } from "../scheduler.ts";

const EPOCH_MS = 1_800_000_000_000;

export class SimServer {
  readonly bucket = new MemoryBucket("lab");
  readonly store: ObjectStore;
  /** Who put what is there now. */
  readonly authors = new Map<string, string>();
  /** Puts of LTX files go through whatever is there. */
  ignoresConditions = false;
  readonly #nowMs: () => number;

  constructor(scheduler: Scheduler, dice: Dice) {
    const offsetMs = dice.between(-3_600_000, 3_600_000);
    // HTTP dates are cut to seconds.
    const stepMs = dice.chance(0.5) ? 1_000 : 1;
    this.#nowMs = () => Math.floor((EPOCH_MS + scheduler.nowMs + offsetMs) / stepMs) * stepMs;
    const clock = {
      nowMs: this.#nowMs,
      monotonicMs: () => scheduler.nowMs,
      sleep: (durationMs: number) => scheduler.delay(durationMs),
    };
    this.store = new MemoryStore({
      bucket: this.bucket,
      clock,
      keyLayout: dice.chance(0.5) ? "s3" : "path",
      supports: { serverDate: dice.chance(0.7), listedTimestamp: dice.chance(0.5) },
    });
  }

  nowMs(): number {
    return this.#nowMs();
  }

  async put(
    key: string,
    body: Uint8Array,
    options: PutOptions,
    author: string,
  ): Promise<ObjectMeta> {
    const isFree = this.ignoresConditions && key.endsWith(".ltx");
    const condition = isFree ? ({ type: "none" } as const) : options.condition;
    const meta = await this.store.put(key, body, { ...options, condition });
    this.authors.set(key, author);
    return meta;
  }

  async list(prefix: string, startAfter: string | undefined): Promise<ObjectMeta[]> {
    const metas: ObjectMeta[] = [];
    for await (const meta of this.store.list(prefix, { startAfter })) metas.push(meta);
    return metas;
  }

  /** A listing as it would have been some time ago, but for what was deleted since. */
  asOf(metas: readonly ObjectMeta[], byMs: number): ObjectMeta[] {
    const newestMs = this.#nowMs() - byMs;
    return metas.filter(({ lastModifiedMs }) => lastModifiedMs < newestMs);
  }
}
