/**
 * Database files compared byte by byte.
 */

import { closeSync, openSync, readSync, statSync } from "node:fs";

/**
 * Bytes of page 1 that a VFS alters on the way to SQLite, or that tell who wrote last: the file
 * format versions, change counter, page count and "version valid for".
 */
const PATCHED = new Set([18, 19, 24, 25, 26, 27, 28, 29, 30, 31, 92, 93, 94, 95]);
const CHUNK = 1 << 20;

/** The first difference in words, or undefined when the files are equal but for patched bytes. */
export function findDifference(pathA: string, pathB: string): string | undefined {
  const sizes = [statSync(pathA).size, statSync(pathB).size];
  if (sizes[0] !== sizes[1]) return `sizes ${sizes[0]} and ${sizes[1]}`;
  const [a, b] = [openSync(pathA, "r"), openSync(pathB, "r")];
  const [bytesA, bytesB] = [Buffer.alloc(CHUNK), Buffer.alloc(CHUNK)];
  try {
    for (let start = 0; start < (sizes[0] as number); start += CHUNK) {
      const length = readSync(a, bytesA, 0, CHUNK, start);
      readSync(b, bytesB, 0, CHUNK, start);
      if (bytesA.subarray(0, length).equals(bytesB.subarray(0, length))) continue;
      for (let at = 0; at < length; at += 1) {
        if (bytesA[at] === bytesB[at] || PATCHED.has(start + at)) continue;
        return `byte ${start + at} is ${bytesA[at]} and ${bytesB[at]}`;
      }
    }
    return undefined;
  } finally {
    closeSync(a);
    closeSync(b);
  }
}
