/**
 * A store with one snapshot that is much larger than memory should be: header, index and end are
 * there, and zeros where the pages would be.
 */

import {
  encodeHeader,
  encodePageIndex,
  encodeTrailer,
  HEADER_SIZE,
  isChecksum,
  makeHeader,
  PAGE_HEADER_SIZE,
  type PageIndexEntry,
  toPageCount,
  toPageSize,
  toPgno,
  toTxid,
} from "@headwater/ltx";
import type { GetOptions, ObjectMeta, ObjectStore } from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import { replicaLayout } from "../../src/replica-layout.ts";

export interface HugeSnapshotOptions {
  readonly path: string;
  readonly pageCount: number;
  readonly pageSize: number;
  /** Bytes of each page in the file. */
  readonly frameSize: number;
}

export function hugeSnapshotStore(options: HugeSnapshotOptions): ObjectStore {
  const { path, pageCount, pageSize, frameSize } = options;
  const one = toTxid(1n);
  const header = encodeHeader(
    makeHeader({
      pageSize: toPageSize(pageSize),
      commit: toPageCount(pageCount),
      minTxid: one,
      maxTxid: one,
      timestampMs: 0,
    }),
  );
  const index = encodePageIndex(entries(pageCount, frameSize));
  const footer = new Uint8Array(8);
  new DataView(footer.buffer).setBigUint64(0, BigInt(index.byteLength));
  const checksum = 2n ** 63n;
  if (!isChecksum(checksum)) throw new Error("no checksum");
  const trailer = encodeTrailer({ postApplyChecksum: checksum, fileChecksum: checksum });
  const end = Buffer.concat([index, footer, trailer]);
  const endOffset = HEADER_SIZE + pageCount * frameSize + PAGE_HEADER_SIZE;
  const size = endOffset + end.byteLength;
  const memory = new MemoryStore();
  const key = replicaLayout(memory.keyLayout, path).fileKey(9, one, one);
  const meta: ObjectMeta = { key, size, version: "1", lastModifiedMs: 0 };
  const get = async (_key: string, { range }: GetOptions = {}) => {
    if (range === undefined || !("length" in range)) throw new Error("all of it");
    const body = new Uint8Array(range.length);
    copy(header, 0, body, range.offset);
    copy(end, endOffset, body, range.offset);
    return { meta, body };
  };
  const list = async function* () {
    yield meta;
  };
  return {
    name: "huge",
    supports: memory.supports,
    keyLayout: memory.keyLayout,
    get,
    list,
    head: () => memory.head(key),
    put: (...args) => memory.put(...args),
    openUpload: (...args) => memory.openUpload(...args),
    delete: () => memory.delete(key),
    deleteMany: () => memory.deleteMany([]),
    close: () => memory.close(),
    [Symbol.asyncDispose]: () => memory.close(),
  };
}

function* entries(pageCount: number, frameSize: number): Iterable<PageIndexEntry> {
  for (let pgno = 1; pgno <= pageCount; pgno += 1) {
    const offset = HEADER_SIZE + (pgno - 1) * frameSize;
    yield { pgno: toPgno(pgno), offset, size: frameSize };
  }
}

/** The part of `bytes`, which lie at `at`, that `target` shows, which lies at `targetAt`. */
function copy(bytes: Uint8Array, at: number, target: Uint8Array, targetAt: number): void {
  const start = Math.max(at, targetAt);
  const end = Math.min(at + bytes.byteLength, targetAt + target.byteLength);
  if (end > start) target.set(bytes.subarray(start - at, end - at), start - targetAt);
}
