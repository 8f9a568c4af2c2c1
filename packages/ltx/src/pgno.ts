/**
 * Pgno, PageCount, PageSize: page numbers, counts and sizes, and the page that is never stored.
 *
 * Always true:
 *   - A Pgno is one-based; page 1 starts at byte 0 of the database.
 *   - The lock page holds the byte at 2^30, is never in an LTX file and reads as zeros.
 */
import { LOCK_BYTE_OFFSET, PAGE_SIZE_MAX, PAGE_SIZE_MIN, PGNO_MAX } from "./limits.ts";

declare const pgnoBrand: unique symbol;
declare const pageCountBrand: unique symbol;
declare const pageSizeBrand: unique symbol;

/** One-based page number, 1..2^32-1. */
export type Pgno = number & { readonly [pgnoBrand]: true };

/** Size of a database in pages, 0..2^32-1. */
export type PageCount = number & { readonly [pageCountBrand]: true };

/** Bytes of a page: a power of two, 512..65536. */
export type PageSize = number & { readonly [pageSizeBrand]: true };

/** Every legal page size, ascending. */
export const PAGE_SIZES = [
  512, 1024, 2048, 4096, 8192, 16384, 32768, 65536,
] as const as unknown as readonly PageSize[];

export function isPgno(value: number): value is Pgno {
  return Number.isInteger(value) && value >= 1 && value <= PGNO_MAX;
}

export function toPgno(value: number): Pgno {
  if (!isPgno(value)) throw new RangeError(`pgno out of range: ${value}`);
  return value;
}

export function isPageCount(value: number): value is PageCount {
  return Number.isInteger(value) && value >= 0 && value <= PGNO_MAX;
}

export function toPageCount(value: number): PageCount {
  if (!isPageCount(value)) throw new RangeError(`page count out of range: ${value}`);
  return value;
}

export function isPageSize(value: number): value is PageSize {
  const inRange = Number.isInteger(value) && value >= PAGE_SIZE_MIN && value <= PAGE_SIZE_MAX;
  return inRange && (value & (value - 1)) === 0;
}

export function toPageSize(value: number): PageSize {
  if (!isPageSize(value)) throw new RangeError(`not a page size: ${value}`);
  return value;
}

/** The page that holds SQLite's lock bytes. No LTX file has it. */
export function lockPgno(pageSize: PageSize): Pgno {
  return (Math.floor(LOCK_BYTE_OFFSET / pageSize) + 1) as Pgno;
}

/** How many pages a complete snapshot of `pageCount` pages holds: all but the lock page. */
export function storedPageCount(pageCount: PageCount, pageSize: PageSize): PageCount {
  return (pageCount >= lockPgno(pageSize) ? pageCount - 1 : pageCount) as PageCount;
}

/** Bytes from the start of the database file to the start of the page. */
export function pageOffset(pgno: Pgno, pageSize: PageSize): number {
  return (pgno - 1) * pageSize;
}

/** The page that holds the byte at `offset` of the database file. */
export function pgnoAt(offset: number, pageSize: PageSize): Pgno {
  return toPgno(Math.floor(offset / pageSize) + 1);
}
