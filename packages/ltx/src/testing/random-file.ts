/**
 * Random databases, files and chains of files, from a seed, with what they should come to.
 */
import { type Checksum, databaseChecksum } from "../checksum.ts";
import type { PageEncoding } from "../page-frame.ts";
import { PAGE_SIZES, type PageSize, type Pgno, toPageCount } from "../pgno.ts";
import { toTxid } from "../txid.ts";
import type { FileSpec } from "./file-spec.ts";
import { SeededRandom } from "./seeded-random.ts";

export interface RandomFileOptions {
  readonly pageSize?: PageSize | undefined;
  /** The smallest page count; 0 unless told otherwise. */
  readonly pageCountMin?: number | undefined;
  /** The largest page count; smaller ones are as likely. */
  readonly pageCountMax?: number | undefined;
  readonly encoding?: PageEncoding | undefined;
  /** Whether files carry database checksums; neither unless told otherwise. */
  readonly checksums?: boolean | undefined;
}

export interface RandomChainOptions extends RandomFileOptions {
  /** How many files follow the snapshot. */
  readonly length?: number | undefined;
  /** Lets files grow the database without holding all new pages, which then are zeros. */
  readonly holes?: boolean | undefined;
}

export interface RandomChain {
  /** Oldest first; the first one is a snapshot. */
  readonly files: readonly FileSpec[];
  /** The database file after each file. */
  readonly databases: readonly Uint8Array[];
}

const TIMESTAMP_MS = 1_700_000_000_000;

/** A page as databases have them: zeros, noise, repeated text, or a bit of each. */
export function randomPage(random: SeededRandom, pageSize: number): Uint8Array {
  const page = new Uint8Array(pageSize);
  let at = 0;
  while (at < pageSize) {
    const size = Math.min(pageSize - at, random.between(1, random.pick([8, 300, pageSize])));
    const period = random.between(1, 40);
    const kind = random.below(4);
    for (const end = at + size; at < end; at += 1) {
      if (kind === 1) page[at] = random.u32();
      else if (kind === 2) page[at] = at < period ? random.u32() : (page[at - period] as number);
      else if (kind === 3) page[at] = 97 + random.below(4);
    }
  }
  return page;
}

/** A random snapshot. */
export function randomFile(seed: number, options: RandomFileOptions = {}): FileSpec {
  return randomChain(seed, { ...options, length: 0 }).files[0] as FileSpec;
}

/** A random snapshot, and files that grow, shrink and change what it holds. */
export function randomChain(seed: number, options: RandomChainOptions = {}): RandomChain {
  const random = new SeededRandom(seed);
  const pageSize = options.pageSize ?? random.pick(PAGE_SIZES);
  const pageCountMin = options.pageCountMin ?? 0;
  const pageCountMax = Math.max(pageCountMin, options.pageCountMax ?? 12);
  const length = options.length ?? random.between(1, 6);
  const files: FileSpec[] = [];
  const databases: Uint8Array[] = [];
  let before: Uint8Array = new Uint8Array(0);
  let txid = 1n;
  for (let number = 0; number <= length; number += 1) {
    const after = new Uint8Array(random.between(pageCountMin, pageCountMax) * pageSize);
    after.set(before.subarray(0, after.length));
    const mayLeaveOut = number > 0 && options.holes === true;
    const mustChangeFrom = mayLeaveOut ? after.length : before.length;
    const pages = changePages(random, mustChangeFrom, after, pageSize);
    const last = txid + BigInt(random.below(3));
    const hasChecksums = options.checksums === true;
    files.push({
      header: {
        noChecksum: !hasChecksums,
        pageSize,
        commit: toPageCount(after.length / pageSize),
        minTxid: toTxid(txid),
        maxTxid: toTxid(last),
        timestampMs: TIMESTAMP_MS + number * 1000,
        preApplyChecksum: hasChecksums && number > 0 ? checksumOf(before, pageSize) : undefined,
      },
      pages,
      postApplyChecksum: hasChecksums ? checksumOf(after, pageSize) : undefined,
      encoding: options.encoding ?? random.pick(["block", "frame"]),
    });
    databases.push(after);
    before = after;
    txid = last + 1n;
  }
  return { files, databases };
}

/** Changes some pages in place; those from byte `mustChangeFrom` on always. */
function changePages(
  random: SeededRandom,
  mustChangeFrom: number,
  database: Uint8Array,
  pageSize: number,
): FileSpec["pages"] {
  const pages: { pgno: Pgno; page: Uint8Array }[] = [];
  for (let start = 0; start < database.length; start += pageSize) {
    if (start < mustChangeFrom && random.chance(0.6)) continue;
    const page = randomPage(random, pageSize);
    database.set(page, start);
    pages.push({ pgno: (start / pageSize + 1) as Pgno, page });
  }
  return pages;
}

function checksumOf(database: Uint8Array, pageSize: PageSize): Checksum {
  return databaseChecksum(database, pageSize);
}
