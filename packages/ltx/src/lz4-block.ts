/**
 * The LZ4 block format: compress and decompress, for inputs of page size.
 *
 * Always true:
 *   - Compressed output keeps the format's end rules (the last five bytes are literals, the last
 *     match starts at least twelve bytes before the end, no match is further back than 65535), so
 *     that every LZ4 decoder reads it.
 *   - Decompression never reads outside of the source range and never reads or writes outside of
 *     the target range, whatever the bytes say.
 *
 * Both are the pure implementation behind `Codec`, and do not throw on bad bytes.
 */

const MATCH_SIZE_MIN = 4;
const MATCH_START_MARGIN = 12;
const LITERALS_AT_END = 5;
const MATCH_OFFSET_MAX = 65_535;

/** 8192 entries are 32 KiB: they fit a usual first-level cache, and a page has no more words. */
const HASH_BITS = 13;
const HASH_SHIFT = 32 - HASH_BITS;
const HASH_MULTIPLIER = 0x9e37_79b1;

/** After 2^6 misses in a row the search takes longer steps, so that random bytes cost little. */
const SKIP_BITS = 6;

/** From this length on, the engine's own copy beats a loop over words. */
const BULK_COPY_MIN = 64;

/** Words are copied whole: a copy may touch this many bytes past its end, if they are there. */
const WORD_OVERHANG = 3;

/** A match of this size has more length bytes. */
const LONG_MATCH = MATCH_SIZE_MIN + 15;

/**
 * What a short sequence may touch: of the source its token and sixteen bytes, the literals read as
 * words or the offset after them; of the target 14 literals and a match written as five words.
 */
const SHORT_SOURCE_SIZE = 1 + 16;
const SHORT_TARGET_SIZE = 14 + 20;

/**
 * Where each hash was last seen, as `epoch + position`. The epoch grows with each call by the
 * length of its input, so that entries of earlier calls lie below it: nothing is cleared.
 */
const hashTable = new Int32Array(1 << HASH_BITS);
let epoch = 1;

/** See `Codec.compressBlock`. */
export function compressBlock(
  source: Uint8Array,
  sourceStart: number,
  sourceEnd: number,
  target: Uint8Array,
  targetStart: number,
): number {
  const base = takeEpoch(sourceEnd - sourceStart) - sourceStart;
  const floor = base + sourceStart;
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const matchStartMax = sourceEnd - MATCH_START_MARGIN;
  const matchEndMax = sourceEnd - LITERALS_AT_END;
  let out = targetStart;
  let anchor = sourceStart;
  let at = sourceStart;
  let misses = 1 << SKIP_BITS;
  while (at <= matchStartMax) {
    const word = view.getInt32(at, true);
    const slot = Math.imul(word, HASH_MULTIPLIER) >>> HASH_SHIFT;
    const seen = hashTable[slot] as number;
    hashTable[slot] = base + at;
    let match = seen - base;
    if (seen < floor || at - match > MATCH_OFFSET_MAX || view.getInt32(match, true) !== word) {
      at += misses >>> SKIP_BITS;
      misses += 1;
      continue;
    }
    misses = 1 << SKIP_BITS;
    let start = at;
    while (start > anchor && match > sourceStart && source[start - 1] === source[match - 1]) {
      start -= 1;
      match -= 1;
    }
    const offset = start - match;
    at = matchEnd(source, view, at + MATCH_SIZE_MIN, offset, matchEndMax);
    out = writeSequence(source, anchor, start, target, out, offset, at - start);
    anchor = at;
    if (at <= matchStartMax) {
      const behind = view.getInt32(at - 2, true);
      hashTable[Math.imul(behind, HASH_MULTIPLIER) >>> HASH_SHIFT] = base + at - 2;
    }
  }
  return writeLiterals(source, anchor, sourceEnd, target, out) - targetStart;
}

/** See `Codec.decompressBlock`. */
export function decompressBlock(
  source: Uint8Array,
  sourceStart: number,
  sourceEnd: number,
  target: Uint8Array,
  targetStart: number,
  targetEnd: number,
): number {
  const from = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const to = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const shortSourceMax = sourceEnd - SHORT_SOURCE_SIZE;
  const shortTargetMax = targetEnd - SHORT_TARGET_SIZE;
  let at = sourceStart;
  let out = targetStart;
  while (at < sourceEnd) {
    // Nearly all sequences are short and far from the end. What is wrong in one is found below.
    while (at <= shortSourceMax && out <= shortTargetMax) {
      const token = source[at] as number;
      const literals = token >>> 4;
      const size = (token & 15) + MATCH_SIZE_MIN;
      if (literals === 15 || size === LONG_MATCH) break;
      copyFourWords(from, at + 1, to, out, literals);
      const offset = from.getUint16(at + 1 + literals, true);
      const matchAt = out + literals;
      if (offset < 4 || offset > matchAt - targetStart) break;
      copyFiveWords(to, matchAt, offset, size);
      at += 1 + literals + 2;
      out = matchAt + size;
    }
    const token = source[at++] as number;
    let literals = token >>> 4;
    let size = (token & 15) + MATCH_SIZE_MIN;
    if (literals === 15) {
      literals = readLength(source, at, sourceEnd, targetEnd - out);
      if (literals < 0) return ~(~literals - sourceStart);
      at += lengthSize(literals);
    }
    if (literals > sourceEnd - at || literals > targetEnd - out) return ~(at - sourceStart);
    const wordRoom = Math.min(sourceEnd - at, targetEnd - out) - WORD_OVERHANG;
    copyLiterals(source, from, at, target, to, out, literals, wordRoom);
    at += literals;
    out += literals;
    if (at === sourceEnd) return out - targetStart;

    if (sourceEnd - at < 2) return ~(at - sourceStart);
    const offset = from.getUint16(at, true);
    if (offset === 0 || offset > out - targetStart) return ~(at - sourceStart);
    at += 2;
    if (size === LONG_MATCH) {
      const length = readLength(source, at, sourceEnd, targetEnd - out);
      if (length < 0) return ~(~length - sourceStart);
      at += lengthSize(length);
      size = length + MATCH_SIZE_MIN;
    }
    if (size > targetEnd - out) return ~(at - sourceStart);
    copyMatch(target, to, out, offset, size, targetEnd - out - WORD_OVERHANG);
    out += size;
  }
  // A block ends in literals, even if there are none of them; an end after a match is a cut.
  return ~(sourceEnd - sourceStart);
}

/**
 * A length whose first four bits are all set: 15, and bytes up to one that is not 255. If the
 * bytes end before it does, or it grows past `max`, gives `~position`.
 */
function readLength(source: Uint8Array, start: number, end: number, max: number): number {
  let length = 15;
  for (let at = start; ; at += 1) {
    if (at >= end || length > max) return ~at;
    const more = source[at] as number;
    length += more;
    if (more !== 255) return length;
  }
}

/** The bytes that `readLength` read for it. */
function lengthSize(length: number): number {
  return Math.floor((length - 15) / 255) + 1;
}

/** Up to 14 bytes, as one word or as four. */
function copyFourWords(
  from: DataView,
  at: number,
  to: DataView,
  out: number,
  length: number,
): void {
  to.setInt32(out, from.getInt32(at, true), true);
  if (length <= 4) return;
  to.setInt32(out + 4, from.getInt32(at + 4, true), true);
  to.setInt32(out + 8, from.getInt32(at + 8, true), true);
  to.setInt32(out + 12, from.getInt32(at + 12, true), true);
}

/** Up to 18 bytes from at least four bytes back, as two words or as five. */
function copyFiveWords(to: DataView, out: number, offset: number, length: number): void {
  const from = out - offset;
  to.setInt32(out, to.getInt32(from, true), true);
  to.setInt32(out + 4, to.getInt32(from + 4, true), true);
  if (length <= 8) return;
  to.setInt32(out + 8, to.getInt32(from + 8, true), true);
  to.setInt32(out + 12, to.getInt32(from + 12, true), true);
  to.setInt32(out + 16, to.getInt32(from + 16, true), true);
}

/** Copies `length` bytes; word by word up to a length of `wordRoom`. */
function copyLiterals(
  source: Uint8Array,
  from: DataView,
  sourceAt: number,
  target: Uint8Array,
  to: DataView,
  targetAt: number,
  length: number,
  wordRoom: number,
): void {
  if (length >= BULK_COPY_MIN) {
    target.set(source.subarray(sourceAt, sourceAt + length), targetAt);
  } else if (length <= wordRoom) {
    for (let done = 0; done < length; done += 4) {
      to.setInt32(targetAt + done, from.getInt32(sourceAt + done, true), true);
    }
  } else {
    for (let done = 0; done < length; done += 1) {
      target[targetAt + done] = source[sourceAt + done] as number;
    }
  }
}

/**
 * Copies `length` bytes from `offset` bytes back; they may overlap what is written and then repeat.
 * Words do so too if the offset is a word or more: each is read after those before it were written.
 */
function copyMatch(
  target: Uint8Array,
  to: DataView,
  targetAt: number,
  offset: number,
  length: number,
  wordRoom: number,
): void {
  const end = targetAt + length;
  if (length >= BULK_COPY_MIN) {
    if (offset === 1) target.fill(target[targetAt - 1] as number, targetAt, end);
    else copyRepeating(target, targetAt, targetAt - offset, end);
  } else if (offset >= 4 && length <= wordRoom) {
    for (let out = targetAt; out < end; out += 4) {
      to.setInt32(out, to.getInt32(out - offset, true), true);
    }
  } else {
    for (let out = targetAt; out < end; out += 1) target[out] = target[out - offset] as number;
  }
}

/** Each round doubles the run that can be copied at once. */
function copyRepeating(target: Uint8Array, start: number, from: number, end: number): void {
  for (let at = start; at < end; ) {
    const size = Math.min(at - from, end - at);
    target.copyWithin(at, from, from + size);
    at += size;
  }
}

/** The first position from `at` on that differs from the byte `offset` before it. */
function matchEnd(
  source: Uint8Array,
  view: DataView,
  at: number,
  offset: number,
  endMax: number,
): number {
  let end = at;
  while (end + 4 <= endMax) {
    const difference = view.getInt32(end, true) ^ view.getInt32(end - offset, true);
    if (difference !== 0) return end + ((31 - Math.clz32(difference & -difference)) >>> 3);
    end += 4;
  }
  while (end < endMax && source[end] === source[end - offset]) end += 1;
  return end;
}

function writeSequence(
  source: Uint8Array,
  literalStart: number,
  literalEnd: number,
  target: Uint8Array,
  targetAt: number,
  offset: number,
  matchSize: number,
): number {
  const tokenAt = targetAt;
  let out = writeLiterals(source, literalStart, literalEnd, target, targetAt);
  target[out++] = offset;
  target[out++] = offset >>> 8;
  let rest = matchSize - MATCH_SIZE_MIN;
  if (rest < 15) {
    target[tokenAt] = (target[tokenAt] as number) | rest;
    return out;
  }
  target[tokenAt] = (target[tokenAt] as number) | 15;
  for (rest -= 15; rest >= 255; rest -= 255) target[out++] = 255;
  target[out++] = rest;
  return out;
}

/** Writes the token with its upper half, the literals' length and the literals. */
function writeLiterals(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetAt: number,
): number {
  let out = targetAt;
  const length = end - start;
  if (length < 15) {
    target[out++] = length << 4;
    for (let at = start; at < end; ) target[out++] = source[at++] as number;
    return out;
  }
  target[out++] = 0xf0;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) target[out++] = 255;
  target[out++] = rest;
  if (length < BULK_COPY_MIN) {
    for (let at = start; at < end; ) target[out++] = source[at++] as number;
    return out;
  }
  target.set(source.subarray(start, end), out);
  return out + length;
}

function takeEpoch(size: number): number {
  if (epoch > 0x7fff_ffff - size) {
    hashTable.fill(0);
    epoch = 1;
  }
  const taken = epoch;
  epoch += size;
  return taken;
}
