/**
 * Which pages every look-up goes through: those that lead to others.
 *
 * It is a guess from the page's own bytes, since nobody knows here what a page belongs to. A wrong
 * one costs a frame of the share that the page cache keeps for such pages.
 */

const INTERIOR_INDEX = 2;
const INTERIOR_TABLE = 5;
const HEADER_BYTES = 12;
const CELL_COUNT_OFFSET = 3;
const RIGHT_CHILD_OFFSET = 8;

/** Page 1, where every schema begins, or an interior page of a B-tree. */
export function isInteriorPage(pgno: number, page: Uint8Array, pageCount: number): boolean {
  if (pgno === 1) return true;
  const type = page[0];
  if (type !== INTERIOR_INDEX && type !== INTERIOR_TABLE) return false;
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const cellCount = view.getUint16(CELL_COUNT_OFFSET);
  const rightChild = view.getUint32(RIGHT_CHILD_OFFSET);
  const hasPlace = HEADER_BYTES + 2 * cellCount <= page.byteLength;
  return hasPlace && rightChild > 1 && rightChild <= pageCount && rightChild !== pgno;
}
