/**
 * FileSpec: a whole LTX file as plain data, to be compared and changed in tests.
 */
import type { Checksum } from "../checksum.ts";
import { encodeLtx } from "../encoder.ts";
import type { HeaderInit } from "../header.ts";
import { decodeLtx } from "../ltx-file.ts";
import type { Page, PageEncoding } from "../page-frame.ts";
import { toPageCount, toPageSize, toPgno } from "../pgno.ts";
import { toTxid } from "../txid.ts";

export interface FileSpec {
  readonly header: HeaderInit;
  readonly pages: readonly Page[];
  readonly postApplyChecksum?: Checksum | undefined;
  readonly encoding?: PageEncoding | undefined;
}

/** A header and pages in plain numbers; what is left out is a snapshot of the pages given. */
export interface FileSpecInit {
  readonly pageSize?: number;
  readonly commit?: number;
  readonly minTxid?: number;
  readonly maxTxid?: number;
  readonly timestampMs?: number;
  /** Each page's bytes, or one byte that fills it, by page number. */
  readonly pages?: Readonly<Record<number, Uint8Array | number>>;
  readonly header?: Partial<HeaderInit>;
  readonly postApplyChecksum?: Checksum | undefined;
  readonly encoding?: PageEncoding | undefined;
}

/** A FileSpec out of plain numbers. */
export function fileSpec(init: FileSpecInit = {}): FileSpec {
  const pageSize = toPageSize(init.pageSize ?? 512);
  const pages = Object.entries(init.pages ?? {}).map(([pgno, content]) => ({
    pgno: toPgno(Number(pgno)),
    page: typeof content === "number" ? new Uint8Array(pageSize).fill(content) : content,
  }));
  pages.sort((a, b) => a.pgno - b.pgno);
  const minTxid = init.minTxid ?? 1;
  return {
    header: {
      pageSize,
      commit: toPageCount(init.commit ?? pages.at(-1)?.pgno ?? 0),
      minTxid: toTxid(BigInt(minTxid)),
      maxTxid: toTxid(BigInt(init.maxTxid ?? minTxid)),
      timestampMs: init.timestampMs ?? 0,
      ...init.header,
    },
    pages,
    postApplyChecksum: init.postApplyChecksum,
    encoding: init.encoding,
  };
}

export function encodeFileSpec(spec: FileSpec): Uint8Array {
  return encodeLtx(spec);
}

/** The spec of a file; throws what is wrong with it. Encodings are not kept. */
export function decodeFileSpec(bytes: Uint8Array): FileSpec {
  const file = decodeLtx(bytes);
  const pages = [...file.pages()].map(({ pgno, page }) => ({ pgno, page }));
  const { postApplyChecksum } = file.trailer;
  return { header: file.header, pages, postApplyChecksum, encoding: undefined };
}
