/**
 * What a page of a SQLite database says of other pages: an interior b-tree page of its children, a
 * leaf of the schema of the root pages of tables and indexes.
 *
 * The bytes may be anything. What does not read as such a page, whole, says nothing; what it does
 * say is a number from 2 up to the page count, which may still be wrong.
 */

const FILE_HEADER_SIZE = 100;
const FILE_MAGIC = "SQLite format 3\0";
const RESERVED_OFFSET = 20;
/** Of the b-tree header: type, cell count, the last child. */
const CELL_COUNT_OFFSET = 3;
const LAST_CHILD_OFFSET = 8;
const LEAF_HEADER_SIZE = 8;
const INTERIOR_HEADER_SIZE = 12;
/** A cell of two bytes at the least, and two bytes that say where it is. */
const CELL_SIZE_MIN = 4;

const TABLE_LEAF = 13;
const INTERIOR: readonly number[] = [2, 5];

/** The place of `rootpage` among the columns of `sqlite_schema`. */
const ROOT_PAGE_COLUMN = 3;

export interface BtreePageOptions {
  readonly pgno: number;
  readonly pageCount: number;
}

/** The children of an interior page, in order; undefined for any other page. */
export function childPages(
  page: Uint8Array,
  { pgno, pageCount }: BtreePageOptions,
): number[] | undefined {
  const view = viewOf(page);
  const start = headerOffset(pgno);
  if (!INTERIOR.includes(page[start] ?? 0)) return undefined;
  const cells = cellOffsets(view, start, INTERIOR_HEADER_SIZE);
  if (cells === undefined) return undefined;
  const children = cells.map((cell) => (cell + 4 > page.byteLength ? 0 : view.getUint32(cell)));
  children.push(view.getUint32(start + LAST_CHILD_OFFSET));
  return children.every((child) => isPage(child, pageCount)) ? children : undefined;
}

/**
 * The root pages that a leaf of the schema names. `reservedBytes`: at the end of each page, as page
 * 1 says.
 */
export function rootPages(
  page: Uint8Array,
  { pgno, pageCount, reservedBytes }: BtreePageOptions & { readonly reservedBytes: number },
): number[] {
  const view = viewOf(page);
  const start = headerOffset(pgno);
  if (page[start] !== TABLE_LEAF) return [];
  const cells = cellOffsets(view, start, LEAF_HEADER_SIZE) ?? [];
  const usable = page.byteLength - reservedBytes;
  const roots = cells.map((cell) => rootPageOf(page.subarray(0, usable), cell));
  return roots.filter((root) => root !== undefined && isPage(root, pageCount)) as number[];
}

/** Bytes at the end of each page that b-trees do not use; undefined when this is no page 1. */
export function reservedBytesOf(pageOne: Uint8Array): number | undefined {
  const magic = new TextDecoder("latin1").decode(pageOne.subarray(0, FILE_MAGIC.length));
  return magic === FILE_MAGIC ? pageOne[RESERVED_OFFSET] : undefined;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function headerOffset(pgno: number): number {
  return pgno === 1 ? FILE_HEADER_SIZE : 0;
}

function isPage(pgno: number, pageCount: number): boolean {
  return pgno >= 2 && pgno <= pageCount;
}

/** Where the cells start; undefined unless all of them are behind the list of them. */
function cellOffsets(view: DataView, start: number, headerSize: number): number[] | undefined {
  if (start + headerSize > view.byteLength) return undefined;
  const count = view.getUint16(start + CELL_COUNT_OFFSET);
  const end = start + headerSize + 2 * count;
  if (start + headerSize + CELL_SIZE_MIN * count > view.byteLength) return undefined;
  const cells = Array.from({ length: count }, (_, index) =>
    view.getUint16(start + headerSize + 2 * index),
  );
  return cells.every((cell) => cell >= end && cell < view.byteLength) ? cells : undefined;
}

/** Of a row of the schema. Only its name and the like come before; rarely are they very long. */
function rootPageOf(usable: Uint8Array, cell: number): number | undefined {
  const payloadSize = readVarint(usable, cell);
  if (payloadSize === undefined) return undefined;
  const rowid = readVarint(usable, payloadSize.end);
  if (rowid === undefined) return undefined;
  const payload = usable.subarray(
    rowid.end,
    rowid.end + localSize(payloadSize.value, usable.byteLength),
  );
  const headerSize = readVarint(payload, 0);
  if (headerSize === undefined) return undefined;
  let at = headerSize.end;
  let valueAt = headerSize.value;
  for (let column = 0; ; column += 1) {
    const type = readVarint(payload, at);
    if (type === undefined || type.end > headerSize.value) return undefined;
    if (column === ROOT_PAGE_COLUMN) return readInteger(payload, valueAt, type.value);
    at = type.end;
    valueAt += sizeOf(type.value);
  }
}

/** The part of a payload that lies in the page of its cell; the rest overflows. */
function localSize(payloadSize: number, usableSize: number): number {
  const localMax = usableSize - 35;
  if (payloadSize <= localMax) return payloadSize;
  const localMin = Math.floor(((usableSize - 12) * 32) / 255) - 23;
  const local = localMin + ((payloadSize - localMin) % (usableSize - 4));
  return local <= localMax ? local : localMin;
}

/** Bytes of a value by its serial type. */
function sizeOf(type: number): number {
  if (type >= 12) return Math.floor((type - 12) / 2);
  return [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0][type]!;
}

/** A page number has no more than four bytes. Views and triggers have 0 or none. */
function readInteger(bytes: Uint8Array, at: number, type: number): number | undefined {
  if (type === 9) return 1;
  if (type < 1 || type > 5) return undefined;
  const size = sizeOf(type);
  if (at + size > bytes.byteLength) return undefined;
  return bytes.subarray(at, at + size).reduce((value, byte) => value * 256 + byte, 0);
}

/** SQLite's: nine bytes at the most, big-endian. Undefined beyond the end or 2^53. */
function readVarint(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 8; index += 1) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    value = value * 128 + (byte & 127);
    if (byte < 128)
      return value <= Number.MAX_SAFE_INTEGER ? { value, end: at + index + 1 } : undefined;
  }
  return undefined;
}
