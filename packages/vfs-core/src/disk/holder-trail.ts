/**
 * `lease.json` in a journal folder: the nonces by which the next process that locks the folder
 * knows that the lease is still that of the last one, which is dead then.
 *
 * Always true:
 *   - What was left is believed only where the lock that its writer held would still keep us out if
 *     that writer lived: the same file, on the same start of the same system. A copy of the folder
 *     is another file, and another machine is another start.
 *   - It is written only when a put of ours is sent, so that what is not believed is never written
 *     again as if it were.
 *   - It is a hint: it may be missing, or older than the lease, and costs a wait then. No failure
 *     to write it is anybody's failure.
 */

import { join } from "node:path";
import type { LeaseTrail } from "@headwater/lease";
import { TRAIL_NONCES_MAX } from "../limits.ts";
import type { Disk } from "./disk.ts";
import { writeDurably } from "./durable-file.ts";

export const TRAIL_NAME = "lease.json";

const RECORD_VERSION = 1;

interface TrailOptions {
  readonly disk: Disk;
  /** Of the folder. */
  readonly path: string;
  /** Of its lock. */
  readonly place: string | undefined;
}

export class HolderTrail implements LeaseTrail {
  readonly left: readonly string[];
  readonly #options: TrailOptions;
  #nonces: readonly string[];
  #isClosed = false;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: TrailOptions, left: readonly string[]) {
    this.#options = options;
    this.left = left;
    this.#nonces = left;
  }

  /** Never rejects. */
  static async open(options: TrailOptions): Promise<HolderTrail> {
    const { disk, path, place } = options;
    if (place === undefined) return new HolderTrail(options, []);
    const text = await disk.read(join(path, TRAIL_NAME)).catch(() => undefined);
    return new HolderTrail(options, text === undefined ? [] : noncesOf(text, place));
  }

  keep(nonces: readonly string[]): void {
    const { place } = this.#options;
    if (this.#isClosed || place === undefined) return;
    this.#nonces = [...new Set([...this.#nonces, ...nonces])].slice(-TRAIL_NONCES_MAX);
    const text = JSON.stringify({ version: RECORD_VERSION, place, nonces: this.#nonces });
    this.#writing = this.#writing.then(() => this.#write(`${text}\n`)).catch(() => {});
  }

  /** Nothing is written any more when this resolves. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }

  async #write(text: string): Promise<void> {
    const { disk, path } = this.#options;
    await writeDurably(disk, join(path, TRAIL_NAME), text);
  }
}

function noncesOf(text: string, place: string): readonly string[] {
  try {
    const record = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    const isOurs = record?.version === RECORD_VERSION && record.place === place;
    if (!isOurs || !Array.isArray(record.nonces)) return [];
    return record.nonces.filter((nonce) => typeof nonce === "string").slice(-TRAIL_NONCES_MAX);
  } catch {
    return [];
  }
}
