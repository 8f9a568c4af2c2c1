/**
 * How often one object may be written: at Google about once a second. More is answered with 429.
 */

import { GcsError } from "./gcs-error.ts";

export class WriteRate {
  readonly #intervalMs: number;
  readonly #nowMs: () => number;
  readonly #writtenMs = new Map<string, number>();

  /** Undefined: as often as one likes. */
  constructor(writesPerSecond: number | undefined, nowMs: () => number) {
    this.#intervalMs = writesPerSecond === undefined ? 0 : 1000 / writesPerSecond;
    this.#nowMs = nowMs;
  }

  /** Throws when the last write of this object was too short a time ago. */
  check(bucket: string, name: string): void {
    const writtenMs = this.#writtenMs.get(`${bucket}/${name}`);
    if (writtenMs === undefined || this.#nowMs() - writtenMs >= this.#intervalMs) return;
    const message =
      `The object ${bucket}/${name} exceeded the rate limit for object mutation operations ` +
      "(create, update, and delete). Please reduce your request rate.";
    throw new GcsError(429, message, { reason: "rateLimitExceeded", xmlCode: "SlowDown" });
  }

  /** Only what changed something counts. */
  count(bucket: string, name: string): void {
    if (this.#intervalMs > 0) this.#writtenMs.set(`${bucket}/${name}`, this.#nowMs());
  }
}
