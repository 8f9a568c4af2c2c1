/**
 * Brings one upload into the bucket, or finds out that it is there already, or that somebody else's
 * is in its place.
 */

import {
  decodeHeader,
  decodeTrailer,
  HEADER_SIZE,
  LtxError,
  TRAILER_SIZE,
  toTxid,
} from "@headwater/ltx";
import { ObjectStoreError, type ObjectVersion } from "@headwater/object-store";
import type { Replica } from "../replica.ts";
import type { Upload } from "./encode-upload.ts";

export type PutResult =
  /**
   * The bucket holds exactly our file. `serverDateMs`: the store's clock, if we put it just now.
   */
  | {
      readonly type: "landed";
      readonly serverDateMs: number | undefined;
      /** Of the object, if we put it just now. */
      readonly version?: ObjectVersion | undefined;
    }
  /** It holds another file there. */
  | { readonly type: "other"; readonly fileChecksum: bigint };

export type SendResult =
  | PutResult
  /** Nothing was put by this call. */
  | { readonly type: "failed"; readonly error: unknown }
  /** It may be there, or arrive later. */
  | { readonly type: "unknown"; readonly error: unknown };

/** The same upload, with what is known of the object that it has become. */
export function asPut(upload: Upload, { version }: PutResult & { type: "landed" }): Upload {
  return { ...upload, file: { ...upload.file, version } };
}

/** What became of one try. Never rejects. */
export async function sendUpload(
  replica: Replica,
  upload: Upload,
  signal?: AbortSignal,
): Promise<SendResult> {
  let failure: unknown;
  try {
    const { serverDateMs, version } = await replica.store.put(upload.file.key, upload.body, {
      condition: { type: "if-absent" },
      timestampMs: upload.file.createdAtMs,
      signal,
    });
    return { type: "landed", serverDateMs, version };
  } catch (error) {
    const isKnown = ObjectStoreError.is(error);
    if (isKnown && !ObjectStoreError.is(error, "OBJECT_EXISTS", "OUTCOME_UNKNOWN")) {
      return { type: "failed", error };
    }
    failure = error;
  }
  try {
    const found = await readFileChecksum(replica, upload.txid, signal);
    // Not there yet: the name must not be left to chance before that is settled.
    if (found === undefined) return { type: "unknown", error: failure };
    if (found !== upload.fileChecksum) return { type: "other", fileChecksum: found };
    return { type: "landed", serverDateMs: undefined };
  } catch (error) {
    return { type: "unknown", error };
  }
}

/** Rejects with the store's error when it is not known, or known not to be there. */
export async function putUpload(replica: Replica, upload: Upload): Promise<PutResult> {
  const result = await sendUpload(replica, upload);
  if (result.type === "failed" || result.type === "unknown") throw result.error;
  return result;
}

/**
 * The checksum of the level-0 file of a transaction, which covers all of its content. Undefined
 * when there is no such file; zero when what is there is no LTX file.
 */
export function readFileChecksum(
  replica: Replica,
  txid: bigint,
  signal?: AbortSignal,
): Promise<bigint | undefined> {
  const place = (size: number) => ({ offset: size - TRAILER_SIZE, length: TRAILER_SIZE });
  return readPart(replica, txid, place, (bytes) => decodeTrailer(bytes).fileChecksum, signal);
}

/** The node id of the level-0 file of a transaction; see node-id.ts. Undefined without a file. */
export function readNodeId(
  replica: Replica,
  txid: bigint,
  signal?: AbortSignal,
): Promise<bigint | undefined> {
  const place = () => ({ offset: 0, length: HEADER_SIZE });
  return readPart(replica, txid, place, (bytes) => decodeHeader(bytes).nodeId, signal);
}

interface Part {
  readonly offset: number;
  readonly length: number;
}

/** Undefined without a file; zero where it is too short, or no LTX file. */
async function readPart(
  replica: Replica,
  txid: bigint,
  place: (size: number) => Part,
  decode: (bytes: Uint8Array) => bigint,
  signal: AbortSignal | undefined,
): Promise<bigint | undefined> {
  const key = replica.layout.fileKey(0, toTxid(txid), toTxid(txid));
  try {
    const { size } = await replica.store.head(key, { signal });
    const range = place(size);
    if (size < range.length) return 0n;
    const body = await readWhole(replica, key, range, signal);
    return decodeOr(0n, () => decode(body));
  } catch (error) {
    if (ObjectStoreError.is(error, "OBJECT_NOT_FOUND")) return undefined;
    throw error;
  }
}

/** A body that ends too early says nothing of the object: whoever asked has to ask again. */
async function readWhole(
  { store }: Replica,
  key: string,
  range: Part,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { body } = await store.get(key, { range, signal });
  if (body.byteLength === range.length) return body;
  const message = `${key} was answered with ${body.byteLength} bytes, not ${range.length}`;
  throw new ObjectStoreError("UNAVAILABLE", message, { store: store.name, operation: "get", key });
}

function decodeOr(otherwise: bigint, decode: () => bigint): bigint {
  try {
    return decode();
  } catch (error) {
    if (!LtxError.is(error)) throw error;
    return otherwise;
  }
}
