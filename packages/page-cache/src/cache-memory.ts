/**
 * The memory under a page cache: a range of addresses for the most that it may ever need, of which
 * a part is in use.
 *
 * Always true: what lies at a position stays there, however the memory grows and shrinks, so that
 * readers in other threads need to be told of neither.
 */

export interface CacheMemory {
  /** The most bytes that it can ever have. */
  readonly byteLengthMax: number;
  /**
   * From now on the bytes from 0 to `byteLength` are used; those that never were before are zero.
   * What lies behind is given back to the system, where the memory can do that. A reader in another
   * thread may still look there, and find anything.
   */
  resize(byteLength: number): void;
  /**
   * The words from 0 to `byteLength`, which are never given back. There may be more of them later,
   * up to where pages begin, which is the same each time.
   */
  words(byteLength: number, pagesOffset: number): Int32Array;
  /** Bytes in use, which must have come into use by one call of `resize`. For this moment only. */
  bytes(offset: number, length: number): Uint8Array;
  /** Copies the bytes there; the same holds for the place. A view for each page would be dear. */
  write(offset: number, bytes: Uint8Array): void;
}

/**
 * Over a buffer. It grows if the buffer is resizable or growable; memory is given back only by a
 * resizable `ArrayBuffer`, since a `SharedArrayBuffer` never shrinks.
 */
export function bufferMemory(buffer: ArrayBufferLike): CacheMemory {
  const all = new Uint8Array(buffer);
  return {
    byteLengthMax: buffer.maxByteLength,
    resize(byteLength) {
      if (buffer instanceof ArrayBuffer) {
        if (buffer.resizable) buffer.resize(byteLength);
      } else if (byteLength > buffer.byteLength) buffer.grow(byteLength);
    },
    words: (byteLength) => new Int32Array(buffer, 0, byteLength / 4),
    bytes: (offset, length) => new Uint8Array(buffer, offset, length),
    write: (offset, bytes) => all.set(bytes, offset),
  };
}
