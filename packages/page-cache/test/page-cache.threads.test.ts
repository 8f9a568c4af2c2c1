import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { bufferMemory, byteLengthFor, PageCache } from "../src/index.ts";
import { seededRandom } from "./random.ts";

const pageSize = 4096;
const frameCount = 64;
const frameCountMax = 128;
const pageCount = 100;
/** Enough of both, however slowly the threads start. */
const ROUNDS_MIN = 300;
const HITS_MIN = 20_000;

function page(pgno: number, seq: number): Uint8Array {
  return new Uint8Array(new Int32Array(pageSize / 4).fill((pgno << 20) | seq).buffer);
}

describe("PageCache with readers in other threads", () => {
  it("never shows half a page, another page or a later one", async () => {
    const maxByteLength = byteLengthFor(frameCountMax, pageSize);
    const memory = new SharedArrayBuffer(0, { maxByteLength });
    const control = new SharedArrayBuffer(12);
    const state = new Int32Array(control);
    const cache = new PageCache(bufferMemory(memory), { frameCount, pageSize });
    const execArgv = ["--conditions=@headwater/source", "--no-warnings"];
    const workerData = { memory, control, pageCount };
    const url = new URL("./reader.ts", import.meta.url);
    const readers = [1, 2].map(() => new Worker(url, { workerData, execArgv }));
    const reports = readers.map((reader) => once(reader, "message"));
    const random = seededRandom(99);
    let seq = 0;
    let ended = 0;
    for (const reader of readers) reader.once("exit", () => (ended += 1));
    for (let round = 0; round < ROUNDS_MIN || Atomics.load(state, 2) < HITS_MIN; round += 1) {
      if (ended > 0) break;
      for (let step = 0; step < 200 && seq < 0xfffff; step += 1) {
        const pgno = 1 + random(pageCount - 1);
        if (random(3) === 0) {
          cache.close(pgno, seq + 1);
          cache.insert(pgno, seq + 1, undefined, page(pgno, seq + 1));
          seq += 1;
          Atomics.store(state, 0, seq);
          cache.reclaim(seq);
        } else if (cache.peek(pgno, seq) === undefined) {
          cache.insert(pgno, seq, undefined, page(pgno, seq));
          if (random(8) === 0) cache.pin(pgno);
        } else if (random(50) === 0) cache.resize(8 + random(frameCountMax - 8));
        cache.settle(3);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    Atomics.store(state, 1, 1);
    let hits = 0;
    for (const [report] of await Promise.all(reports)) {
      const { problem, hits: own } = report as { problem?: string; hits: number };
      expect(problem).toBeUndefined();
      hits += own;
    }
    expect(hits).toBeGreaterThanOrEqual(HITS_MIN);
    expect(cache.stats.evictCount).toBeGreaterThan(0);
  });
});
