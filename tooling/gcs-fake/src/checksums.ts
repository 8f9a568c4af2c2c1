/**
 * The two checksums of an object, in base64 as the API writes them.
 */

import { createHash } from "node:crypto";

const CASTAGNOLI = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? CASTAGNOLI : 0);
  return value;
});

export function crc32c(bytes: Uint8Array): string {
  let state = 0xffffffff;
  for (let index = 0; index < bytes.length; index += 1) {
    state = (TABLE[(state ^ (bytes[index] as number)) & 0xff] as number) ^ (state >>> 8);
  }
  const text = Buffer.alloc(4);
  text.writeUInt32BE((state ^ 0xffffffff) >>> 0);
  return text.toString("base64");
}

export function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("base64");
}
