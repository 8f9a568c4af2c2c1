/**
 * What the uploads of all adapters have in common.
 *
 * Always true:
 *   - The store does not close before the upload has ended, or could not be aborted.
 *   - What the adapter is told to complete has all its parts, each of the right size.
 *   - Nothing reaches the adapter once the upload has ended.
 */

import { PART_BYTES_MIN, PARTS_MAX, UPLOAD_BYTES_MAX } from "./limits.ts";
import type { CallOptions, ObjectMeta, Upload } from "./object-store.ts";

/** What adapters differ in. */
export interface UploadSteps {
  readonly partSize: number;
  readonly partsParallel: number;
  readonly putPart: (index: number, body: Uint8Array, options: CallOptions) => Promise<void>;
  /** `size`: bytes of all parts; they have the indexes from zero to `count` - 1. */
  readonly complete: (all: UploadedParts, options: CallOptions) => Promise<ObjectMeta>;
  readonly abort: (options: CallOptions) => Promise<void>;
}

export interface UploadedParts {
  readonly count: number;
  readonly size: number;
}

export class HeldUpload implements Upload {
  readonly key: string;
  readonly #steps: UploadSteps;
  readonly #release: () => void;
  readonly #sizes: number[] = [];
  #hasEnded = false;

  /** `release`: from `InFlight.hold`. */
  constructor(key: string, steps: UploadSteps, release: () => void) {
    this.key = key;
    this.#steps = steps;
    this.#release = release;
  }

  get partSize(): number {
    return this.#steps.partSize;
  }

  get partsParallel(): number {
    return this.#steps.partsParallel;
  }

  async putPart(index: number, body: Uint8Array, options: CallOptions = {}): Promise<void> {
    if (!Number.isInteger(index) || index < 0 || index >= PARTS_MAX) {
      throw new RangeError(`index must be an integer from 0 to ${PARTS_MAX - 1}: ${index}`);
    }
    const { byteLength } = body;
    if (byteLength > this.partSize || (byteLength === 0 && index > 0)) {
      throw new RangeError(`a part of ${byteLength} bytes where ${this.partSize} are the most`);
    }
    this.#begin(options);
    await this.#steps.putPart(index, body, options);
    this.#sizes[index] = byteLength;
  }

  async complete(options: CallOptions = {}): Promise<ObjectMeta> {
    this.#begin(options);
    const sizes = Array.from(this.#sizes);
    const isWhole = sizes.slice(0, -1).every((size) => size === this.partSize);
    if (!isWhole || sizes.length === 0 || sizes.at(-1) === undefined) {
      throw new TypeError(`the upload of ${this.key} lacks parts, or has short ones in between`);
    }
    const size = sizes.reduce((sum, part) => sum + part, 0);
    const meta = await this.#steps.complete({ count: sizes.length, size }, options);
    this.#hasEnded = true;
    this.#release();
    return meta;
  }

  async abort(options: CallOptions = {}): Promise<void> {
    if (this.#hasEnded) return;
    options.signal?.throwIfAborted();
    try {
      await this.#steps.abort(options);
      this.#hasEnded = true;
    } finally {
      // A store that cannot be reached does not keep ours from closing.
      this.#release();
    }
  }

  #begin({ signal }: CallOptions): void {
    if (this.#hasEnded) throw new TypeError(`the upload of ${this.key} has ended`);
    signal?.throwIfAborted();
  }
}

/** Bytes of each part, so that an object of this size has no more parts than it may have. */
export function partSizeOf(sizeMax: number): number {
  if (!Number.isSafeInteger(sizeMax) || sizeMax < 0 || sizeMax > UPLOAD_BYTES_MAX) {
    throw new RangeError(`sizeMax must be an integer from 0 to ${UPLOAD_BYTES_MAX}: ${sizeMax}`);
  }
  const mebibyte = 1024 * 1024;
  return Math.max(PART_BYTES_MIN, Math.ceil(sizeMax / PARTS_MAX / mebibyte) * mebibyte);
}
