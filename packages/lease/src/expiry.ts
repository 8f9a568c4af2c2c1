/**
 * Whether somebody else's lease has run out.
 *
 * Always true:
 *   - The clocks of two machines are never compared. Either the store's clock is read twice, once
 *     when the record was put and once when it was read, or our monotonic clock measures how long
 *     the record has not changed in front of our eyes.
 *   - "Expired" is only a reason to try. The conditional put decides.
 */

import type { ObjectVersion } from "@headwater/object-store";
import type { Holder } from "./errors.ts";
import type { Observed } from "./lease-object.ts";
import { recordTtlMs } from "./lease-record.ts";
import { STORE_DATE_STEP_MS } from "./limits.ts";
import type { Settings } from "./settings.ts";

export type Verdict =
  | { readonly type: "free" }
  /** `freeInMs` at the latest, if nobody renews it. */
  | { readonly type: "held"; readonly holder: Holder; readonly freeInMs: number };

export class ExpiryJudge {
  readonly #settings: Settings;
  #watched: { readonly version: ObjectVersion; readonly sinceMs: number } | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Call it right after the answer that showed the record. */
  judge(found: Observed): Verdict {
    const { clock, marginMs } = this.#settings;
    const { record, version, lastModifiedMs, serverDateMs } = found;
    if (record.released) return { type: "free" };
    if (this.#watched?.version !== version) {
      this.#watched = { version, sinceMs: clock.monotonicMs() };
    }
    const ttlMs = recordTtlMs(record, lastModifiedMs);
    const watchedMs = clock.monotonicMs() - this.#watched.sinceMs;
    let freeInMs = ttlMs + marginMs - watchedMs;
    let expiresInMs: number | undefined;
    if (serverDateMs !== undefined) {
      const ageMs = serverDateMs - lastModifiedMs;
      expiresInMs = Math.max(0, ttlMs - ageMs);
      freeInMs = Math.min(freeInMs, ttlMs + marginMs + STORE_DATE_STEP_MS - ageMs);
    }
    if (freeInMs <= 0) return { type: "free" };
    const { owner, generation } = record;
    return { type: "held", holder: { owner, generation, expiresInMs }, freeInMs };
  }
}
