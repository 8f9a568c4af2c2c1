/**
 * A database that SQLite itself has made, as the bytes of its file, and what it says of its pages.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { encodeLtx, toPageCount, toPageSize, toPgno, toTxid } from "@headwater/ltx";
import type { ObjectStore } from "@headwater/object-store";
import { replicaLayout } from "../../src/replica-layout.ts";

export interface PageFacts {
  readonly pgno: number;
  readonly type: "internal" | "leaf" | "overflow";
  /** The table or index that it is of. */
  readonly name: string;
}

export interface SqliteImage {
  readonly bytes: Uint8Array;
  readonly pageSize: number;
  readonly pages: readonly PageFacts[];
  readonly roots: readonly number[];
}

export function makeSqliteImage(pageSize: number, statements: string): SqliteImage {
  const folder = mkdtempSync(join(tmpdir(), "headwater-image-"));
  try {
    const path = join(folder, "app.db");
    const db = new DatabaseSync(path);
    db.exec(`pragma page_size = ${pageSize}; ${statements}`);
    const pages = db
      .prepare("select pageno as pgno, pagetype as type, name from dbstat")
      .all() as unknown as PageFacts[];
    const roots = db
      .prepare("select rootpage from sqlite_schema where rootpage > 0")
      .all()
      .map(({ rootpage }) => Number(rootpage));
    db.close();
    return { bytes: Uint8Array.from(readFileSync(path)), pageSize, pages, roots };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function pageOf({ bytes, pageSize }: SqliteImage, pgno: number): Uint8Array {
  return bytes.subarray((pgno - 1) * pageSize, pgno * pageSize);
}

/** A replica of it: one snapshot. */
export async function putImage(store: ObjectStore, path: string, image: SqliteImage) {
  const pageCount = image.bytes.byteLength / image.pageSize;
  const pgnos = Array.from({ length: pageCount }, (_, index) => index + 1);
  await putPages(store, path, image, { level: 9, txid: 1n, pgnos });
}

/** A file of one transaction, or of those from `minTxid` on, that has these pages, as they are. */
export async function putPages(
  store: ObjectStore,
  path: string,
  image: SqliteImage,
  file: {
    readonly level: number;
    readonly txid: bigint;
    readonly minTxid?: bigint;
    readonly pgnos: readonly number[];
  },
) {
  const { level, pgnos } = file;
  const txid = toTxid(file.txid);
  const minTxid = toTxid(file.minTxid ?? file.txid);
  const body = encodeLtx({
    header: {
      pageSize: toPageSize(image.pageSize),
      commit: toPageCount(image.bytes.byteLength / image.pageSize),
      minTxid,
      maxTxid: txid,
      timestampMs: 0,
    },
    pages: pgnos.map((pgno) => ({ pgno: toPgno(pgno), page: pageOf(image, pgno) })),
  });
  const key = replicaLayout(store.keyLayout, path).fileKey(level, minTxid, txid);
  await store.put(key, body, { condition: { type: "none" } });
}
