/** The public names of @headwater/ltx. */

export {
  type Checksum,
  Crc64,
  crc64,
  DatabaseChecksum,
  databaseChecksum,
  EMPTY_DATABASE_CHECKSUM,
  formatChecksum,
  isChecksum,
  pageChecksum,
  parseChecksum,
  toChecksum,
  updateDatabaseChecksum,
} from "./checksum.ts";
export { type Codec, currentCodec, pureCodec, setCodec } from "./codec.ts";
export { type MergeOptions, type MergeResult, mergeLtx } from "./compactor.ts";
export { combineCrc64 } from "./crc64-combine.ts";
export {
  type DatabaseSource,
  type RestoreResult,
  readDatabasePageSize,
  restoreDatabase,
  type SnapshotOptions,
  type SnapshotResult,
  snapshotDatabase,
} from "./database.ts";
export {
  type DecodedPage,
  Decoder,
  type DecoderCheckpoint,
  type DecoderOptions,
} from "./decoder.ts";
export {
  describe,
  type HeaderDescription,
  type LtxDescription,
  type PageDescription,
} from "./describe.ts";
export {
  type EncodeLtxOptions,
  type EncodeResult,
  Encoder,
  type EncoderOptions,
  encodeLtx,
  encodeLtxWithIndex,
  type FinishOptions,
} from "./encoder.ts";
export {
  LTX_ERROR_CODES,
  LtxError,
  type LtxErrorCode,
  type LtxErrorOptions,
  type LtxRemedy,
} from "./errors.ts";
export { formatFileName, parseFileName, type TxidRange } from "./file-name.ts";
export {
  decodeHeader,
  encodeHeader,
  type Header,
  type HeaderInit,
  isSnapshot,
  makeHeader,
} from "./header.ts";
export {
  FILE_SIZE_MIN,
  HEADER_LAYOUT,
  HEADER_SIZE,
  INDEX_FOOTER_LAYOUT,
  INDEX_FOOTER_SIZE,
  PAGE_HEADER_LAYOUT,
  PAGE_HEADER_SIZE,
  TAIL_SIZE,
  TRAILER_LAYOUT,
  TRAILER_SIZE,
} from "./layout.ts";
export {
  CHUNK_SIZE,
  INDEX_SIZE_MAX,
  LZ4_FRAME_BLOCKS_MAX,
  lz4BlockSizeMax,
  PAGE_SIZE_MAX,
  PAGE_SIZE_MIN,
  PGNO_MAX,
  TXID_MAX,
  ZERO_FILL_PAGES_MAX,
} from "./limits.ts";
export { decodeLtx, LtxFile, verifyLtx } from "./ltx-file.ts";
export { decodeLtxStream, type LtxSource, LtxStream } from "./ltx-stream.ts";
export { concatBytes, OutputStream } from "./output-stream.ts";
export {
  type DecodePageFrameOptions,
  decodePageFrame,
  decodePageFrameInto,
  type EncodePageFrameOptions,
  encodePageFrame,
  hashPageFrame,
  type Page,
  type PageEncoding,
  pageFrameSizeMax,
} from "./page-frame.ts";
export {
  type DecodePageIndexOptions,
  decodePageIndex,
  encodePageIndex,
  type FileRange,
  type IndexFromTail,
  PageIndex,
  type PageIndexEntry,
  readIndexFromTail,
} from "./page-index.ts";
export { type MergedPage, PageMerge, type PageMergeOptions } from "./page-merge.ts";
export {
  isPageCount,
  isPageSize,
  isPgno,
  lockPgno,
  PAGE_SIZES,
  type PageCount,
  type PageSize,
  type Pgno,
  pageOffset,
  pgnoAt,
  storedPageCount,
  toPageCount,
  toPageSize,
  toPgno,
} from "./pgno.ts";
export { decodeTrailer, encodeTrailer, type Trailer } from "./trailer.ts";
export { formatTxid, isTxid, nextTxid, parseTxid, type Txid, toTxid } from "./txid.ts";
