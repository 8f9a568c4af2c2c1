/**
 * The fixed-size structures of the format as data: field, offset, size, kind.
 *
 * Encoders and decoders walk these tables, the README shows them, and a test compares the two.
 * All integers are big-endian.
 */

export type FieldKind = "u16" | "u32" | "u64" | "i64" | "zeros";

export interface FieldLayout {
  readonly field: string;
  readonly offset: number;
  readonly size: number;
  readonly kind: FieldKind;
}

export const HEADER_SIZE = 100;

export const HEADER_LAYOUT = [
  { field: "magic", offset: 0, size: 4, kind: "u32" },
  { field: "flags", offset: 4, size: 4, kind: "u32" },
  { field: "pageSize", offset: 8, size: 4, kind: "u32" },
  { field: "commit", offset: 12, size: 4, kind: "u32" },
  { field: "minTxid", offset: 16, size: 8, kind: "u64" },
  { field: "maxTxid", offset: 24, size: 8, kind: "u64" },
  { field: "timestampMs", offset: 32, size: 8, kind: "i64" },
  { field: "preApplyChecksum", offset: 40, size: 8, kind: "u64" },
  { field: "walOffset", offset: 48, size: 8, kind: "i64" },
  { field: "walSize", offset: 56, size: 8, kind: "i64" },
  { field: "walSalt1", offset: 64, size: 4, kind: "u32" },
  { field: "walSalt2", offset: 68, size: 4, kind: "u32" },
  { field: "nodeId", offset: 72, size: 8, kind: "u64" },
  { field: "reserved", offset: 80, size: 20, kind: "zeros" },
] as const satisfies readonly FieldLayout[];

/** In front of every page; six zero bytes end the pages. */
export const PAGE_HEADER_SIZE = 6;

export const PAGE_HEADER_LAYOUT = [
  { field: "pgno", offset: 0, size: 4, kind: "u32" },
  { field: "flags", offset: 4, size: 2, kind: "u16" },
] as const satisfies readonly FieldLayout[];

/** Follows the page header where its flags say so. */
export const PAYLOAD_SIZE_SIZE = 4;

/** Follows the page index, in front of the trailer. */
export const INDEX_FOOTER_SIZE = 8;

export const INDEX_FOOTER_LAYOUT = [
  { field: "indexSize", offset: 0, size: 8, kind: "u64" },
] as const satisfies readonly FieldLayout[];

export const TRAILER_SIZE = 16;

export const TRAILER_LAYOUT = [
  { field: "postApplyChecksum", offset: 0, size: 8, kind: "u64" },
  { field: "fileChecksum", offset: 8, size: 8, kind: "u64" },
] as const satisfies readonly FieldLayout[];

/** The last bytes of a file that have a fixed size: where the index ends. */
export const TAIL_SIZE = INDEX_FOOTER_SIZE + TRAILER_SIZE;

/** A file without pages: header, end of pages, an index of one byte, tail. */
export const FILE_SIZE_MIN = HEADER_SIZE + PAGE_HEADER_SIZE + 1 + TAIL_SIZE;

/** ASCII "LTX1". */
export const MAGIC = 0x4c54_5831;

/** Header flag: the file carries no database checksums. The only legal flag. */
export const HEADER_FLAG_NO_CHECKSUM = 0x0000_0002;

/** Page flag: a payload size follows the page header (block form). The only legal flag. */
export const PAGE_FLAG_SIZE = 0x0001;

/** What a layout holds, as numbers (32 bits and less) and bigints (64 bits). */
export type FieldValues<Layout extends readonly FieldLayout[]> = {
  [Entry in Exclude<Layout[number], { kind: "zeros" }> as Entry["field"]]: Entry["kind"] extends
    | "u64"
    | "i64"
    ? bigint
    : number;
};

/** Reads every field. The caller has checked that the bytes are there. */
export function readFields<const Layout extends readonly FieldLayout[]>(
  layout: Layout,
  bytes: Uint8Array,
  start: number,
): FieldValues<Layout> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: Record<string, number | bigint> = {};
  for (const { field, offset, kind } of layout) {
    const at = start + offset;
    switch (kind) {
      case "u16":
        values[field] = view.getUint16(at);
        break;
      case "u32":
        values[field] = view.getUint32(at);
        break;
      case "u64":
        values[field] = view.getBigUint64(at);
        break;
      case "i64":
        values[field] = view.getBigInt64(at);
        break;
      case "zeros":
        break;
    }
  }
  return values as FieldValues<Layout>;
}

/** Writes every field; those of kind "zeros" as zeros. */
export function writeFields<const Layout extends readonly FieldLayout[]>(
  layout: Layout,
  values: FieldValues<Layout>,
  bytes: Uint8Array,
  start: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const all = values as Record<string, number | bigint>;
  for (const { field, offset, size, kind } of layout) {
    const at = start + offset;
    switch (kind) {
      case "u16":
        view.setUint16(at, all[field] as number);
        break;
      case "u32":
        view.setUint32(at, all[field] as number);
        break;
      case "u64":
        view.setBigUint64(at, all[field] as bigint);
        break;
      case "i64":
        view.setBigInt64(at, all[field] as bigint);
        break;
      case "zeros":
        bytes.fill(0, at, at + size);
        break;
    }
  }
}
