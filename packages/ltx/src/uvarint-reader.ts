/**
 * UvarintReader: the numbers of a page index, one after another.
 *
 * Always true:
 *   - A number is unsigned LEB128 in its shortest form (the only one that writers produce; it makes
 *     the bytes of an index follow from its content) and fits a plain number. Anything else is
 *     INDEX_INVALID with its offset and field.
 *   - The last of the bytes ends a number, which the caller has seen to; so none passes the end.
 */
import { LtxError } from "./errors.ts";
import { UVARINT_SIZE_MAX } from "./limits.ts";

/** Bytes of seven bits each that shifts can put together. */
const SHIFTED_SIZE = 4;

export class UvarintReader {
  readonly #bytes: Uint8Array;
  readonly #at: number;
  #position = 0;

  /** `at` is where in the file bytes[0] lies, for errors. */
  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Where in the file the next number starts. */
  get offset(): number {
    return this.#at + this.#position;
  }

  next(field: string): number {
    const bytes = this.#bytes;
    const start = this.#position;
    let value = 0;
    for (let size = 0; size < SHIFTED_SIZE; size += 1) {
      const byte = bytes[start + size] as number;
      value |= (byte & 0x7f) << (7 * size);
      if (byte < 0x80) return this.#end(value, byte, size + 1, field);
    }
    let scale = 128 ** SHIFTED_SIZE;
    for (let size = SHIFTED_SIZE; size < UVARINT_SIZE_MAX; size += 1) {
      const byte = bytes[start + size] as number;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return this.#end(value, byte, size + 1, field);
    }
    throw this.#invalid(field, "a varint beyond exact numbers");
  }

  #end(value: number, lastByte: number, size: number, field: string): number {
    if (lastByte === 0 && size > 1) throw this.#invalid(field, "a varint longer than it need be");
    if (value > Number.MAX_SAFE_INTEGER)
      throw this.#invalid(field, "a varint beyond exact numbers");
    this.#position += size;
    return value;
  }

  #invalid(field: string, problem: string): LtxError {
    return new LtxError("INDEX_INVALID", problem, { offset: this.offset, field });
  }
}
