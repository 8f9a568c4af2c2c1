/**
 * What the system starts an ELF program with: the loader of its C library.
 */

import { closeSync, openSync, readSync } from "node:fs";

/** Of 64-bit programs with the least significant byte first, as all of our targets have them. */
const HEADER_BYTES = 64;
const MAGIC = 0x7f454c46;
const CLASS_64_LITTLE = 0x0201;
const ENTRY_BYTES = 56;
const ENTRIES_MAX = 64;
const INTERPRETER = 3;
const PATH_BYTES_MAX = 4096;

/** For example "/lib/ld-musl-x86_64.so.1". Undefined when the file does not say. */
export function programLoader(path: string): string | undefined {
  const file = openSync(path, "r");
  try {
    return readLoader((offset, length) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
    });
  } finally {
    closeSync(file);
  }
}

function readLoader(read: (offset: number, length: number) => Buffer): string | undefined {
  const header = read(0, HEADER_BYTES);
  if (header.byteLength < HEADER_BYTES || header.readUInt32BE(0) !== MAGIC) return undefined;
  if (header.readUInt16BE(4) !== CLASS_64_LITTLE) return undefined;
  const entriesAt = Number(header.readBigUInt64LE(32));
  const entryCount = Math.min(header.readUInt16LE(56), ENTRIES_MAX);
  if (header.readUInt16LE(54) !== ENTRY_BYTES) return undefined;
  const entries = read(entriesAt, entryCount * ENTRY_BYTES);
  for (let at = 0; at + ENTRY_BYTES <= entries.byteLength; at += ENTRY_BYTES) {
    if (entries.readUInt32LE(at) !== INTERPRETER) continue;
    const offset = Number(entries.readBigUInt64LE(at + 8));
    const length = Number(entries.readBigUInt64LE(at + 32));
    if (length > PATH_BYTES_MAX) return undefined;
    return read(offset, length).toString("utf8").replace(/\0.*$/s, "");
  }
  return undefined;
}
