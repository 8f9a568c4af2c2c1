/** Files that the encoder would not write: wrong in one respect, with a right file checksum. */
import {
  concatBytes,
  crc64,
  Decoder,
  decodeLtx,
  encodeLtx,
  PAGE_HEADER_SIZE,
} from "../src/index.ts";
import type { FileSpec } from "../src/testing/index.ts";

export interface FileParts {
  head: Uint8Array;
  frames: Uint8Array[];
  index: Uint8Array;
  /** What the file says of the index; its length unless it is changed. */
  indexSize?: number;
}

/** Encodes a spec in block form, lets `change` have its way with the parts, and seals them. */
export function forge(spec: FileSpec, change: (parts: FileParts) => void): Uint8Array {
  const bytes = encodeLtx({ ...spec, encoding: "block" });
  const { index } = decodeLtx(bytes);
  const frames = [...index].map(({ offset, size }) => bytes.slice(offset, offset + size));
  const indexSize = Number(new DataView(bytes.buffer).getBigUint64(bytes.length - 24));
  const parts: FileParts = {
    head: bytes.slice(0, 100),
    frames,
    index: bytes.slice(-24 - indexSize, -24),
  };
  const original = parts.head.slice();
  change(parts);
  const post = bytes.slice(-16, -8);
  const tail = [
    new Uint8Array(PAGE_HEADER_SIZE),
    parts.index,
    u64(parts.indexSize ?? parts.index.length),
    post,
  ];
  const hashed = parts.frames.flatMap((frame) => [frame.slice(0, 10), pageOf(original, frame)]);
  const checksum = crc64(concatBytes([parts.head, ...hashed, ...tail])) | (1n << 63n);
  return concatBytes([parts.head, ...parts.frames, ...tail, u64(checksum)]);
}

/** What a frame holds, whatever its number. */
function pageOf(head: Uint8Array, frame: Uint8Array): Uint8Array {
  const decoder = new Decoder({ allowIncompleteSnapshot: true });
  const anyCommit = head.slice();
  anyCommit.fill(0xff, 12, 16);
  decoder.push(anyCommit);
  decoder.push(frame);
  return decoder.next()?.page ?? new Uint8Array(0);
}

function u64(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
