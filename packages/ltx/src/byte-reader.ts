/**
 * ByteReader: a bounds-checked cursor over a run of bytes.
 *
 * Every read that would pass the end is an LtxError TRUNCATED with the offset and the field.
 */
import { LtxError } from "./errors.ts";
import { UVARINT_SIZE_MAX } from "./limits.ts";

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #at: number;
  readonly #end: number;
  #position: number;

  /** Reads bytes [start, end); `at` is where in the file bytes[0] lies, for errors. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length, at = 0) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
    this.#at = at;
  }

  /** Where in the file the next byte lies. */
  get offset(): number {
    return this.#at + this.#position;
  }

  /** Where in the given bytes the next byte lies. */
  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  u8(field: string): number {
    this.require(1, field);
    return this.#bytes[this.#position++] as number;
  }

  /** Little-endian, as inside LZ4 frames. */
  u32le(field: string): number {
    this.require(4, field);
    const at = this.#position;
    this.#position += 4;
    const bytes = this.#bytes;
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    const high = ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    return (low | high) >>> 0;
  }

  /**
   * An unsigned LEB128 number that fits a plain number, in its shortest form (the only one that
   * writers produce; it makes the bytes of an index follow from its content).
   */
  uvarint(field: string): number {
    const start = this.#position;
    let value = 0;
    let scale = 1;
    for (let size = 1; size <= UVARINT_SIZE_MAX; size += 1) {
      const byte = this.u8(field);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && size > 1) {
          throw this.#invalid(start, field, "a varint longer than it need be");
        }
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw this.#invalid(start, field, "a varint beyond exact numbers");
  }

  skip(size: number, field: string): void {
    this.require(size, field);
    this.#position += size;
  }

  require(size: number, field: string): void {
    if (size <= this.remaining) return;
    const offset = this.#at + this.#end;
    throw new LtxError("TRUNCATED", `the bytes end ${size - this.remaining} too early`, {
      offset,
      field,
    });
  }

  #invalid(position: number, field: string, problem: string): LtxError {
    return new LtxError("INDEX_INVALID", problem, { offset: this.#at + position, field });
  }
}
