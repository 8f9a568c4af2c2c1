/**
 * Reads pages of a cache that another thread changes, the way native readers do: without a lock,
 * by copying and then checking that the frame did not change.
 */

import { parentPort, workerData } from "node:worker_threads";
import { bucketOf, FRAME_WORD, FRAME_WORDS, HEADER_WORD } from "../src/index.ts";

interface Start {
  readonly memory: SharedArrayBuffer;
  /** Word 0: the newest seq. Word 1: stop. Word 2: pages that were found, by all readers. */
  readonly control: SharedArrayBuffer;
  readonly pageCount: number;
}

const { memory, control, pageCount } = workerData as Start;
/** As long as the memory, however it grows. */
const words = new Int32Array(memory);
const state = new Int32Array(control);
const pageSize = words[HEADER_WORD.pageSize]!;
const bucketsWord = words[HEADER_WORD.bucketsOffset]! / 4;
const framesWord = words[HEADER_WORD.framesOffset]! / 4;
const pagesOffset = words[HEADER_WORD.pagesOffset]!;

/** The words of the page at a pin, or nothing when it is not here or changed meanwhile. */
function read(pgno: number, seq: number): Int32Array | undefined {
  // It changes with the size of the cache.
  const bucketCount = Atomics.load(words, HEADER_WORD.bucketCount);
  let link = Atomics.load(words, bucketsWord + bucketOf(pgno, bucketCount));
  for (let steps = 0; link !== 0 && steps < 1000; steps += 1) {
    const frame = link - 1;
    const at = framesWord + frame * FRAME_WORDS;
    const version = Atomics.load(words, at + FRAME_WORD.version);
    if ((version & 1) !== 0) return undefined;
    const matches =
      Atomics.load(words, at + FRAME_WORD.pgno) === pgno &&
      Atomics.load(words, at + FRAME_WORD.fromSeqLow) >>> 0 <= seq &&
      seq < Atomics.load(words, at + FRAME_WORD.toSeqLow) >>> 0;
    const offset = (pagesOffset + frame * pageSize) / 4;
    const copy = matches ? words.slice(offset, offset + pageSize / 4) : undefined;
    link = Atomics.load(words, at + FRAME_WORD.next);
    if (Atomics.load(words, at + FRAME_WORD.version) !== version) return undefined;
    if (copy === undefined) continue;
    Atomics.store(words, at + FRAME_WORD.visited, 1);
    return copy;
  }
  return undefined;
}

let hits = 0;
let misses = 0;
let problem: string | undefined;
let pgno = 1;
while (Atomics.load(state, 1) === 0 && problem === undefined) {
  const seq = Atomics.load(state, 0);
  pgno = (pgno * 7 + 3) % pageCount || 1;
  const page = read(pgno, seq);
  if (page === undefined) {
    misses += 1;
    continue;
  }
  hits += 1;
  Atomics.add(state, 2, 1);
  // Each page is one number, over and over: the page number, and below it the seq that wrote it.
  const word = page[0]!;
  if (page.some((other) => other !== word)) problem = `page ${pgno} is torn`;
  else if (word >>> 20 !== pgno) problem = `page ${word >>> 20} instead of page ${pgno}`;
  else if ((word & 0xfffff) > seq) problem = `page ${pgno} of ${word & 0xfffff} at pin ${seq}`;
}
parentPort!.postMessage({ hits, misses, problem });
