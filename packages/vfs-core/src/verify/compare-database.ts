/**
 * A database file compared with what its replica amounts to, page by page.
 *
 * Bytes of page 1 that tell only who wrote last, and in which journal mode, do not count as a
 * difference: a replica and the file that it was made from may differ in them for good reasons.
 */

import { restoreDatabase } from "@headwater/ltx";
import { sourceChunkBytes } from "../compact/source-chunk-bytes.ts";
import { openSource } from "../compact/source-reader.ts";
import type { DatabaseImage } from "../import/import-database.ts";
import { COMPARE_PAGES_TOLD } from "../limits.ts";
import { explainDamage } from "../load-file.ts";
import type { OfflineReplica } from "../offline/offline-replica.ts";
import { callStore } from "../replica.ts";
import { choosePlan } from "../restore/choose-plan.ts";
import type { PlanTarget } from "../restore-plan.ts";

export interface CompareOptions {
  readonly target: PlanTarget;
  readonly onProgress?: ((bytesDone: number, bytesTotal: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Comparison {
  /** Of the replica. */
  readonly txid: bigint;
  readonly isSame: boolean;
  readonly replica: { readonly pageSize: number; readonly pageCount: number };
  readonly file: { readonly pageSize: number; readonly pageCount: number };
  /** Pages that both have, and that differ. */
  readonly differingCount: number;
  /** The first of them. */
  readonly differingPgnos: readonly number[];
}

/** Versions of the file format, change counter, page count, "version valid for", SQLite's own. */
const TELLING_BYTES = [18, 19, 24, 25, 26, 27, 28, 29, 30, 31, 92, 93, 94, 95, 96, 97, 98, 99];

export async function compareDatabase(
  { replica, queue }: OfflineReplica,
  image: DatabaseImage,
  { target, onProgress, signal }: CompareOptions,
): Promise<Comparison> {
  const plan = await choosePlan(replica, target, signal);
  return callStore(replica, async () => {
    const pause = async () => signal?.throwIfAborted();
    const reading = { queue, signal, pause, chunkBytes: sourceChunkBytes(plan.files.length) };
    const sources = await Promise.all(plan.files.map((file) => openSource(replica, file, reading)));
    const { pageSize, commit: pageCount } = sources.at(-1)!.header;
    const { pageSize: filePageSize, pageCount: filePageCount } = image;
    const counts = {
      txid: plan.txid,
      replica: { pageSize, pageCount },
      file: { pageSize: filePageSize, pageCount: filePageCount },
    };
    if (filePageSize !== pageSize) {
      return { ...counts, isSame: false, differingCount: 0, differingPgnos: [] };
    }
    const ours = pagesOf(restoreDatabase(sources.map(({ chunks }) => chunks)), pageSize);
    const theirs = pagesOf(image.chunks(), pageSize);
    const differing: number[] = [];
    let differingCount = 0;
    let pgno = 0;
    try {
      for await (const page of ours) {
        pgno += 1;
        onProgress?.(pgno * pageSize, pageCount * pageSize);
        const other = pgno > filePageCount ? undefined : (await theirs.next()).value;
        if (other === undefined || isSamePage(pgno, page, other)) continue;
        differingCount += 1;
        if (differing.length < COMPARE_PAGES_TOLD) differing.push(pgno);
      }
    } catch (error) {
      throw explainDamage(replica, plan.files.at(-1)!, error);
    } finally {
      await theirs.return(undefined);
    }
    const isSame = differingCount === 0 && pageCount === filePageCount;
    return { ...counts, isSame, differingCount, differingPgnos: differing };
  });
}

async function* pagesOf(
  chunks: AsyncIterable<Uint8Array>,
  pageSize: number,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  let rest = new Uint8Array(0);
  for await (const chunk of chunks) {
    const bytes = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (; start + pageSize <= bytes.byteLength; start += pageSize) {
      yield bytes.subarray(start, start + pageSize);
    }
    rest = Uint8Array.from(bytes.subarray(start));
  }
  return undefined;
}

function isSamePage(pgno: number, a: Uint8Array, b: Uint8Array): boolean {
  if (Buffer.compare(a, b) === 0) return true;
  if (pgno !== 1) return false;
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  for (const at of TELLING_BYTES) {
    one[at] = 0;
    other[at] = 0;
  }
  return one.equals(other);
}
