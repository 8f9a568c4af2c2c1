/**
 * describe: a whole LTX file as plain data, for dumps, tests and people.
 *
 * It never throws on bad bytes: what could be read is there, and `problem` says where it ended.
 * Values of 64 bits are text, so that the data is JSON. Pages' content is left out.
 */
import { formatChecksum } from "./checksum.ts";
import { type DecodedPage, Decoder } from "./decoder.ts";
import { LtxError, type LtxErrorCode } from "./errors.ts";
import { type Header, isSnapshot } from "./header.ts";
import type { PageEncoding } from "./page-frame.ts";
import { formatTxid } from "./txid.ts";

export interface HeaderDescription {
  readonly noChecksum: boolean;
  readonly pageSize: number;
  readonly commit: number;
  readonly minTxid: string;
  readonly maxTxid: string;
  readonly timestamp: string;
  readonly preApplyChecksum: string | null;
  readonly walOffset: number;
  readonly walSize: number;
  readonly walSalt1: number;
  readonly walSalt2: number;
  readonly nodeId: string;
}

export interface PageDescription {
  readonly pgno: number;
  readonly offset: number;
  readonly size: number;
  readonly encoding: PageEncoding;
}

export interface LtxDescription {
  readonly fileSize: number;
  /** Everything was verified and is right. */
  readonly valid: boolean;
  readonly problem: {
    readonly code: LtxErrorCode;
    readonly message: string;
    readonly offset: number | null;
    readonly field: string | null;
  } | null;
  readonly snapshot: boolean | null;
  readonly header: HeaderDescription | null;
  readonly pages: readonly PageDescription[];
  readonly trailer: {
    readonly postApplyChecksum: string | null;
    readonly fileChecksum: string;
  } | null;
}

/** Describes a file. A snapshot that lacks pages counts as valid; its pages tell. */
export function describe(bytes: Uint8Array): LtxDescription {
  const decoder = new Decoder({ reusePage: true, allowIncompleteSnapshot: true });
  const pages: PageDescription[] = [];
  const readAll = () => {
    decoder.push(bytes);
    for (let page = decoder.next(); page !== undefined; page = decoder.next()) {
      pages.push(describePage(page));
    }
    return decoder.finish();
  };
  let trailer: LtxDescription["trailer"] = null;
  let problem: LtxDescription["problem"] = null;
  try {
    const { postApplyChecksum, fileChecksum } = readAll();
    trailer = {
      postApplyChecksum: postApplyChecksum === undefined ? null : formatChecksum(postApplyChecksum),
      fileChecksum: formatChecksum(fileChecksum),
    };
  } catch (error) {
    if (!LtxError.is(error)) throw error;
    const { code, message, offset, field } = error;
    problem = { code, message, offset: offset ?? null, field: field ?? null };
  }
  const { header } = decoder;
  return {
    fileSize: bytes.length,
    valid: problem === null,
    problem,
    snapshot: header === undefined ? null : isSnapshot(header),
    header: header === undefined ? null : describeHeader(header),
    pages,
    trailer,
  };
}

function describeHeader(header: Header): HeaderDescription {
  const { preApplyChecksum } = header;
  return {
    noChecksum: header.noChecksum,
    pageSize: header.pageSize,
    commit: header.commit,
    minTxid: formatTxid(header.minTxid),
    maxTxid: formatTxid(header.maxTxid),
    timestamp: describeTimestamp(header.timestampMs),
    preApplyChecksum: preApplyChecksum === undefined ? null : formatChecksum(preApplyChecksum),
    walOffset: header.walOffset,
    walSize: header.walSize,
    walSalt1: header.walSalt1,
    walSalt2: header.walSalt2,
    nodeId: header.nodeId.toString(16).padStart(16, "0"),
  };
}

function describePage({ pgno, offset, size, encoding }: DecodedPage): PageDescription {
  return { pgno, offset, size, encoding };
}

/** ISO 8601, or milliseconds where no calendar reaches. */
function describeTimestamp(timestampMs: number): string {
  const date = new Date(timestampMs);
  return Number.isNaN(date.getTime()) ? `${timestampMs} ms` : date.toISOString();
}
