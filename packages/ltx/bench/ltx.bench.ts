/**
 * How fast the package is, beside its own loops alone. Run it by hand:
 *
 *     node --conditions=@headwater/source bench/ltx.bench.ts [database] [codec module]
 *
 * The database is a file, or the megabytes of one to make up: a mix of what databases hold, text
 * rows, numbers, free space and noise. The codec module exports `nativeCodec`; without one the
 * codec in TypeScript is measured. A module of the workspace:
 *
 *     ... bench/ltx.bench.ts 200 ../node-binding/src/native-codec.ts
 *
 * Each line is the best of five runs in MB/s (a million bytes) of database: by the clock, and by
 * the processor time used, which other programs on the machine disturb less.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type Codec,
  currentCodec,
  decodePageIndex,
  encodePageIndex,
  type LtxSource,
  lz4BlockSizeMax,
  mergeLtx,
  type PageIndexEntry,
  restoreDatabase,
  setCodec,
  snapshotDatabase,
  toPageSize,
  verifyLtx,
} from "../src/index.ts";
import { SeededRandom } from "../src/testing/index.ts";

const RUNS = 5;
const PAGE_SIZE = toPageSize(4096);
const CHUNK_SIZE = 64 * 1024;
/** About what an engine fetches as a whole. */
const SMALL_FILE_SIZE = 256 * 1024;

const [from = "64", codecModule] = process.argv.slice(2);
if (codecModule !== undefined) {
  const module: { nativeCodec: Codec } = await import(pathToFileURL(resolve(codecModule)).href);
  setCodec(module.nativeCodec);
}
const megabytes = Number(from);
const database = Number.isNaN(megabytes)
  ? readFileSync(from)
  : makeDatabase(Math.floor((megabytes * 1e6) / PAGE_SIZE));
const codec = currentCodec();

console.log(`${cpus()[0]?.model}, Node.js ${process.version}, codec "${codec.name}"`);
console.log(`${(database.length / 1e6).toFixed(0)} MB in pages of ${PAGE_SIZE}`);

const snapshot = await makeSnapshot();
console.log(`ratio ${(database.length / snapshot.length).toFixed(2)}`);
const blocks = compressAll(codec);

console.log(`${" ".repeat(28)}    clock     processor`);
await measure("LZ4 compress alone", () => void compressAll(codec));
await measure("LZ4 decompress alone", () => decompressAll(codec));
await measure("CRC-64 alone", () => codec.crc64(new Int32Array(2), database, 0, database.length));
await measure("encode, as a stream", () => drain(snapshotOf(chunksOf(database))));
await measure("verify a file in memory", () => void verifyLtx(snapshot));
await measure("restore from a stream", () => drain(restoreDatabase([chunksOf(snapshot)])));
await measureRestoreToFile();
await measure("merge, frames copied", () => drain(mergeLtx([chunksOf(snapshot)])));
await measureSmallFile();
measureIndex(1_000_000);

/** What decodes a snapshot with verification and writes it out. */
async function measureRestoreToFile(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ltx-bench-"));
  const path = join(folder, "restored.db");
  try {
    await measure("restore to a file", async () => {
      const file = openSync(path, "w");
      for await (const chunk of restoreDatabase([chunksOf(snapshot)])) writeSync(file, chunk);
      closeSync(file);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measureSmallFile(): Promise<void> {
  const count = Math.floor(SMALL_FILE_SIZE / (snapshot.length / (database.length / PAGE_SIZE)));
  const databaseSize = Math.min(count * PAGE_SIZE, database.length);
  const { bytes } = await snapshotOf(database.subarray(0, databaseSize), databaseSize).bytes();
  const rounds = 200;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run += 1) {
    const startMs = processorMs();
    for (let round = 0; round < rounds; round += 1) verifyLtx(bytes);
    bestMs = Math.min(bestMs, processorMs() - startMs);
  }
  const ms = (bestMs / rounds).toFixed(2);
  console.log(
    `verify a file of ${bytes.length} bytes, ${databaseSize / PAGE_SIZE} pages: ${ms} ms`,
  );
}

async function measure(name: string, run: () => void | Promise<void>): Promise<void> {
  let bestMs = Number.POSITIVE_INFINITY;
  let bestProcessorMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < RUNS; round += 1) {
    const startMs = performance.now();
    const startProcessorMs = processorMs();
    await run();
    bestMs = Math.min(bestMs, performance.now() - startMs);
    bestProcessorMs = Math.min(bestProcessorMs, processorMs() - startProcessorMs);
  }
  const [byClock, byProcessor] = [bestMs, bestProcessorMs].map((ms) =>
    (database.length / 1000 / ms).toFixed(0).padStart(6),
  );
  console.log(`${name.padEnd(28)} ${byClock} MB/s ${byProcessor} MB/s`);
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function measureIndex(count: number): void {
  const entries = Array.from({ length: count }, (_, at) => {
    return { pgno: at + 1, offset: 100 + at * 2000, size: 2000 } as PageIndexEntry;
  });
  const bytes = encodePageIndex(entries);
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < RUNS; round += 1) {
    const startMs = performance.now();
    decodePageIndex(bytes, { at: 2 ** 40 });
    bestMs = Math.min(bestMs, performance.now() - startMs);
  }
  console.log(`index of ${count} pages       ${bestMs.toFixed(0).padStart(8)} ms`);
}

async function makeSnapshot(): Promise<Uint8Array> {
  return (await snapshotOf(database).bytes()).bytes;
}

function snapshotOf(source: LtxSource, databaseSize = database.length) {
  return snapshotDatabase(source, { databaseSize, pageSize: PAGE_SIZE, timestampMs: 0 });
}

async function drain(output: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of output);
}

function* chunksOf(bytes: Uint8Array): Generator<Uint8Array> & LtxSource {
  for (let at = 0; at < bytes.length; at += CHUNK_SIZE) yield bytes.subarray(at, at + CHUNK_SIZE);
}

function compressAll({ compressBlock }: Codec): Uint8Array[] {
  const out = new Uint8Array(lz4BlockSizeMax(PAGE_SIZE));
  const all: Uint8Array[] = [];
  for (let at = 0; at < database.length; at += PAGE_SIZE) {
    all.push(out.slice(0, compressBlock(database, at, at + PAGE_SIZE, out, 0)));
  }
  return all;
}

function decompressAll({ decompressBlock }: Codec): void {
  const page = new Uint8Array(PAGE_SIZE);
  for (const block of blocks) decompressBlock(block, 0, block.length, page, 0, PAGE_SIZE);
}

/** Rows of words and numbers from both ends of a page, free space between, noise now and then. */
function makeDatabase(pageCount: number): Uint8Array {
  const random = new SeededRandom(1);
  const words = Array.from({ length: 400 }, () => random.bytes(random.between(3, 9)));
  const bytes = new Uint8Array(pageCount * PAGE_SIZE);
  for (let start = 0; start < bytes.length; start += PAGE_SIZE) {
    const end = start + PAGE_SIZE;
    if (random.chance(0.1)) {
      bytes.set(random.bytes(PAGE_SIZE), start);
      continue;
    }
    for (let at = start + random.below(900); at < end - 24; ) {
      const word = random.pick(words);
      bytes.set(word, at);
      at += word.length;
      if (random.chance(0.2)) bytes.set(random.bytes(4), at);
      at += random.chance(0.2) ? 4 : 1;
    }
  }
  return bytes;
}
