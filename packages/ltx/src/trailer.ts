/**
 * Trailer: the last 16 bytes of an LTX file, two checksums.
 *
 * The file checksum covers every byte before it, with pages uncompressed. The post-apply checksum
 * is that of the database once the file is applied; undefined where the header says `noChecksum`.
 */
import { type Checksum, isChecksum } from "./checksum.ts";
import { LtxError } from "./errors.ts";
import { readFields, TRAILER_LAYOUT, TRAILER_SIZE, writeFields } from "./layout.ts";

export interface Trailer {
  readonly postApplyChecksum: Checksum | undefined;
  readonly fileChecksum: Checksum;
}

export function encodeTrailer(trailer: Trailer): Uint8Array {
  const bytes = new Uint8Array(TRAILER_SIZE);
  const postApplyChecksum = trailer.postApplyChecksum ?? 0n;
  writeFields(TRAILER_LAYOUT, { ...trailer, postApplyChecksum }, bytes, 0);
  return bytes;
}

export interface DecodeTrailerOptions {
  /** The header's flag; without it either form passes. */
  readonly noChecksum?: boolean | undefined;
  /** Where in the file the trailer starts, for errors. */
  readonly at?: number | undefined;
}

/** The trailer in exactly 16 bytes. */
export function decodeTrailer(bytes: Uint8Array, options: DecodeTrailerOptions = {}): Trailer {
  const at = options.at ?? 0;
  if (bytes.length !== TRAILER_SIZE) {
    throw new LtxError("TRUNCATED", `a trailer has ${TRAILER_SIZE} bytes, not ${bytes.length}`, {
      offset: at + bytes.length,
      field: "trailer",
    });
  }
  const { postApplyChecksum, fileChecksum } = readFields(TRAILER_LAYOUT, bytes, 0);
  const postField = { offset: at, field: "postApplyChecksum" };
  if (postApplyChecksum !== 0n && !isChecksum(postApplyChecksum)) {
    throw new LtxError("TRAILER_INVALID", "its highest bit is not set", postField);
  }
  if (options.noChecksum === true && postApplyChecksum !== 0n) {
    throw new LtxError("TRAILER_INVALID", "not allowed by the header's flags", postField);
  }
  if (options.noChecksum === false && postApplyChecksum === 0n) {
    throw new LtxError("TRAILER_INVALID", "missing", postField);
  }
  if (!isChecksum(fileChecksum)) {
    throw new LtxError("TRAILER_INVALID", "its highest bit is not set", {
      offset: at + 8,
      field: "fileChecksum",
    });
  }
  return {
    postApplyChecksum: postApplyChecksum === 0n ? undefined : (postApplyChecksum as Checksum),
    fileChecksum,
  };
}
