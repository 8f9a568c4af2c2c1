/**
 * Header: the first 100 bytes of an LTX file.
 *
 * Always true:
 *   - A Header that was decoded or made here is valid: see `findHeaderFault` for the rules.
 *   - It is a snapshot exactly when `minTxid` is 1, whatever level it lies on.
 *
 * The 20 reserved bytes are written as zeros and ignored when read (the file checksum covers them
 * as they are).
 */
import { type Checksum, isChecksum } from "./checksum.ts";
import { LtxError } from "./errors.ts";
import {
  HEADER_FLAG_NO_CHECKSUM,
  HEADER_LAYOUT,
  HEADER_SIZE,
  MAGIC,
  readFields,
  writeFields,
} from "./layout.ts";
import { isPageCount, isPageSize, type PageCount, type PageSize } from "./pgno.ts";
import { isTxid, type Txid } from "./txid.ts";

export interface Header {
  /** No database checksums in header and trailer. What Litestream writes, and the only kind it
   * compacts and restores. */
  readonly noChecksum: boolean;
  readonly pageSize: PageSize;
  /** Size of the database in pages once the file is applied; 0 for an empty database. */
  readonly commit: PageCount;
  readonly minTxid: Txid;
  readonly maxTxid: Txid;
  /** Milliseconds since the Unix epoch. */
  readonly timestampMs: number;
  /** The database checksum before; undefined in snapshots and where `noChecksum`. */
  readonly preApplyChecksum: Checksum | undefined;
  /** Byte offset in the WAL that the pages come from; 0 if from none. */
  readonly walOffset: number;
  readonly walSize: number;
  readonly walSalt1: number;
  readonly walSalt2: number;
  /** 0 in Litestream. */
  readonly nodeId: bigint;
}

/** What a Header is made from; what is left out is zero, and `noChecksum` is true. */
export type HeaderInit = Pick<
  Header,
  "pageSize" | "commit" | "minTxid" | "maxTxid" | "timestampMs"
> &
  Partial<Header>;

type HeaderFault = readonly [field: keyof Header, problem: string];

/** Fills in what was left out. A RangeError names the field that breaks a rule. */
export function makeHeader(init: HeaderInit): Header {
  const header: Header = {
    noChecksum: init.noChecksum ?? true,
    pageSize: init.pageSize,
    commit: init.commit,
    minTxid: init.minTxid,
    maxTxid: init.maxTxid,
    timestampMs: init.timestampMs,
    preApplyChecksum: init.preApplyChecksum,
    walOffset: init.walOffset ?? 0,
    walSize: init.walSize ?? 0,
    walSalt1: init.walSalt1 ?? 0,
    walSalt2: init.walSalt2 ?? 0,
    nodeId: init.nodeId ?? 0n,
  };
  const fault = findHeaderFault(header);
  if (fault !== undefined) throw new RangeError(`header ${fault[0]}: ${fault[1]}`);
  return header;
}

export function isSnapshot(header: Pick<Header, "minTxid">): boolean {
  return header.minTxid === 1n;
}

/** The 100 bytes of a header. */
export function encodeHeader(init: HeaderInit): Uint8Array {
  const header = makeHeader(init);
  const bytes = new Uint8Array(HEADER_SIZE);
  const values = {
    ...header,
    magic: MAGIC,
    flags: header.noChecksum ? HEADER_FLAG_NO_CHECKSUM : 0,
    timestampMs: BigInt(header.timestampMs),
    preApplyChecksum: header.preApplyChecksum ?? 0n,
    walOffset: BigInt(header.walOffset),
    walSize: BigInt(header.walSize),
  };
  writeFields(HEADER_LAYOUT, values, bytes, 0);
  return bytes;
}

/** The header in the first 100 of the bytes; there may be more. */
export function decodeHeader(bytes: Uint8Array): Header {
  refuseForeign(bytes);
  if (bytes.length < HEADER_SIZE) {
    throw new LtxError("TRUNCATED", `a header has ${HEADER_SIZE} bytes, not ${bytes.length}`, {
      offset: bytes.length,
      field: "header",
    });
  }
  const values = readFields(HEADER_LAYOUT, bytes, 0);
  if ((values.flags & ~HEADER_FLAG_NO_CHECKSUM) !== 0) {
    throw invalid("UNSUPPORTED", "flags", `unknown flags 0x${values.flags.toString(16)}`);
  }
  const header = {
    noChecksum: values.flags === HEADER_FLAG_NO_CHECKSUM,
    pageSize: values.pageSize as PageSize,
    commit: values.commit as PageCount,
    minTxid: values.minTxid as Txid,
    maxTxid: values.maxTxid as Txid,
    timestampMs: Number(values.timestampMs),
    preApplyChecksum:
      values.preApplyChecksum === 0n ? undefined : (values.preApplyChecksum as Checksum),
    walOffset: Number(values.walOffset),
    walSize: Number(values.walSize),
    walSalt1: values.walSalt1,
    walSalt2: values.walSalt2,
    nodeId: values.nodeId,
  };
  const fault = findHeaderFault(header);
  if (fault !== undefined) throw invalid("HEADER_INVALID", fault[0], fault[1]);
  return header;
}

/** Throws NOT_LTX if there are four bytes and they are not those that an LTX file starts with. */
export function refuseForeign(bytes: Uint8Array): void {
  if (bytes.length < 4 || readFields(HEADER_LAYOUT.slice(0, 1), bytes, 0).magic === MAGIC) return;
  throw new LtxError("NOT_LTX", "the file does not start with LTX1", { offset: 0, field: "magic" });
}

/** The rules of a header, in the reference implementation's order. */
function findHeaderFault(header: Header): HeaderFault | undefined {
  const { pageSize, minTxid, maxTxid, walOffset, walSize, walSalt1, walSalt2 } = header;
  if (!isPageSize(pageSize)) return ["pageSize", `${pageSize} is not a page size`];
  if (!isPageCount(header.commit)) return ["commit", `${header.commit} is not a page count`];
  if (!isTxid(minTxid)) return ["minTxid", `${minTxid} is not a txid`];
  if (!isTxid(maxTxid)) return ["maxTxid", `${maxTxid} is not a txid`];
  if (minTxid > maxTxid) return ["maxTxid", `the range ${minTxid}..${maxTxid} runs backwards`];
  if (!Number.isSafeInteger(header.timestampMs)) return ["timestampMs", "beyond exact numbers"];
  if (!isOffset(walOffset)) return ["walOffset", `${walOffset} is not an offset`];
  if (!isOffset(walSize)) return ["walSize", `${walSize} is not a size`];
  if (!isU32(walSalt1)) return ["walSalt1", "not 32 bits"];
  if (!isU32(walSalt2)) return ["walSalt2", "not 32 bits"];
  if (walOffset === 0 && (walSalt1 !== 0 || walSalt2 !== 0)) return ["walOffset", "salts without"];
  if (walOffset === 0 && walSize !== 0) return ["walSize", "a WAL size without a WAL offset"];
  if (header.nodeId < 0n || header.nodeId > 0xffff_ffff_ffff_ffffn)
    return ["nodeId", "not 64 bits"];
  return findPreApplyFault(header);
}

function findPreApplyFault(header: Header): HeaderFault | undefined {
  const checksum = header.preApplyChecksum;
  if (isSnapshot(header)) {
    return checksum === undefined ? undefined : ["preApplyChecksum", "not allowed in a snapshot"];
  }
  if (header.noChecksum) {
    return checksum === undefined ? undefined : ["preApplyChecksum", "not allowed by the flags"];
  }
  if (checksum === undefined) return ["preApplyChecksum", "missing"];
  return isChecksum(checksum) ? undefined : ["preApplyChecksum", "its highest bit is not set"];
}

function isOffset(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}

function invalid(code: "UNSUPPORTED" | "HEADER_INVALID", field: string, problem: string): LtxError {
  const offset = HEADER_LAYOUT.find((entry) => entry.field === field)?.offset;
  return new LtxError(code, problem, { offset, field });
}
