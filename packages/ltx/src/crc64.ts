/**
 * CRC-64/GO-ISO, the checksum of the format, without tables.
 *
 * The polynomial is x^64 + x^4 + x^3 + x + 1, so pushing a 32-bit word out of the register is a
 * multiplication by the four terms 1, x, x^3 and x^4: a few shifts and exclusive-ors in each half.
 * Other 64-bit polynomials are dense and need eight or sixteen tables for that; this one leaves
 * the processor's cache to the pages.
 *
 * The register is two 32-bit halves, because JavaScript has no fast 64-bit integer. Reflected, as
 * in Go: the low bit is the highest power of x.
 */

/** Takes bytes [start, end) into `state`, which is [low, high], before the final not. */
export function crc64Update(
  state: Int32Array,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let low = state[0] as number;
  let high = state[1] as number;
  let at = start;
  const wordsEnd = start + ((end - start) & ~7);
  for (; at < wordsEnd; at += 8) {
    const a = low ^ view.getInt32(at, true);
    const b = high ^ (a << 31) ^ (a << 29) ^ (a << 28) ^ view.getInt32(at + 4, true);
    low = a ^ (a >>> 1) ^ (a >>> 3) ^ (a >>> 4) ^ (b << 31) ^ (b << 29) ^ (b << 28);
    high = b ^ (b >>> 1) ^ (b >>> 3) ^ (b >>> 4);
  }
  for (; at < end; at += 1) {
    const a = (low ^ (bytes[at] as number)) & 0xff;
    low = (low >>> 8) | (high << 24);
    high = (high >>> 8) ^ (a << 24) ^ (a << 23) ^ (a << 21) ^ (a << 20);
  }
  state[0] = low;
  state[1] = high;
}
