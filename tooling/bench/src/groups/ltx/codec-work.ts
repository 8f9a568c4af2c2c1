/**
 * The loops that are measured, over a database and its snapshot in memory.
 *
 * Each is given as "do it once"; who runs them counts the time.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import {
  CHUNK_SIZE,
  currentCodec,
  Decoder,
  decodeLtx,
  lz4BlockSizeMax,
  restoreDatabase,
  snapshotDatabase,
  toPageSize,
} from "@headwater/ltx";
import { PAGE_SIZE } from "../../dataset/schema.ts";

export type CodecCase = "decode" | "encode";

/** TypeScript alone, or with the loops in native code that the Node binding brings. */
export const CODEC_NAMES = ["pure", "native"] as const;
export type CodecName = (typeof CODEC_NAMES)[number];

export interface CodecInput {
  readonly database: Uint8Array;
  readonly snapshot: Uint8Array;
  /** Written by what writes. */
  readonly outFile: string;
}

export interface CodecResult {
  readonly step: string;
  readonly codec: string;
  /** Millions of database bytes per second, by the clock and by the processor's time. */
  readonly samples: readonly number[];
  readonly processorSamples: readonly number[];
}

export type Step = (input: CodecInput) => void | Promise<void>;

export const CODEC_WORK: Readonly<Record<CodecCase, Readonly<Record<string, () => Step>>>> = {
  decode: {
    "decode, verify, write": () => decodeToFile,
    "decode, verify": () => decodeOnly,
    "bare LZ4": bareDecompress,
    "bare CRC-64": () => bareCrc,
  },
  encode: {
    encode: () => encode,
    "bare LZ4": bareCompress,
    "bare CRC-64": () => bareCrc,
  },
};

export async function encodeSnapshot(database: Uint8Array): Promise<Uint8Array> {
  const { bytes } = await snapshotOf(database).bytes();
  return bytes;
}

function snapshotOf(database: Uint8Array) {
  return snapshotDatabase(chunksOf(database), {
    databaseSize: database.length,
    pageSize: toPageSize(PAGE_SIZE),
    timestampMs: 0,
  });
}

/** As a stream would bring them. */
async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += CHUNK_SIZE) yield bytes.subarray(at, at + CHUNK_SIZE);
}

async function encode({ database }: CodecInput): Promise<void> {
  for await (const _ of snapshotOf(database));
}

async function decodeToFile({ database, snapshot, outFile }: CodecInput): Promise<void> {
  const file = openSync(outFile, "w");
  let written = 0;
  for await (const chunk of restoreDatabase([chunksOf(snapshot)])) {
    written += writeSync(file, chunk);
  }
  closeSync(file);
  if (written !== database.length) throw new Error(`${written} bytes were restored`);
}

function decodeOnly({ snapshot }: CodecInput): void {
  const decoder = new Decoder({ reusePage: true });
  decoder.push(snapshot);
  while (decoder.next() !== undefined);
  decoder.finish();
}

/** A page header and the size of the block come before each block. */
const BLOCK_START = 10;

function bareDecompress(): Step {
  const page = new Uint8Array(PAGE_SIZE);
  return ({ snapshot }) => {
    const { decompressBlock } = currentCodec();
    for (const { offset, size } of decodeLtx(snapshot).index) {
      const length = decompressBlock(
        snapshot,
        offset + BLOCK_START,
        offset + size,
        page,
        0,
        PAGE_SIZE,
      );
      if (length !== PAGE_SIZE) throw new Error(`the page at ${offset} has ${length} bytes`);
    }
  };
}

function bareCompress(): Step {
  const block = new Uint8Array(lz4BlockSizeMax(PAGE_SIZE));
  return ({ database }) => {
    const { compressBlock } = currentCodec();
    for (let at = 0; at < database.length; at += PAGE_SIZE) {
      compressBlock(database, at, at + PAGE_SIZE, block, 0);
    }
  };
}

function bareCrc({ database }: CodecInput): void {
  const state = new Int32Array(2);
  currentCodec().crc64(state, database, 0, database.length);
}
