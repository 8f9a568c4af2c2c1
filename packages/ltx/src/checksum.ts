/**
 * Checksum: the 64-bit checksums of the format, of a file, of a page and of a database.
 *
 * Always true:
 *   - A Checksum has its highest bit set, so that zero can mean "none" in a file. In code, none is
 *     `undefined`.
 *   - A database checksum is the exclusive-or of its pages' checksums, so it can be kept up to date
 *     page by page, in any order. The lock page takes no part in it.
 */
import { currentCodec } from "./codec.ts";
import { lockPgno, type PageSize, type Pgno } from "./pgno.ts";

declare const checksumBrand: unique symbol;

/** 64 bits, the highest one set. */
export type Checksum = bigint & { readonly [checksumBrand]: true };

const FLAG = 1n << 63n;
const MASK = (1n << 64n) - 1n;
const CHECKSUM_TEXT = /^[89a-f][0-9a-f]{15}$/;

/** The checksum of a database without pages. */
export const EMPTY_DATABASE_CHECKSUM = FLAG as Checksum;

export function isChecksum(value: bigint): value is Checksum {
  return value >= FLAG && value <= MASK;
}

export function toChecksum(value: bigint): Checksum {
  if (!isChecksum(value)) throw new RangeError(`not a checksum: ${value}`);
  return value;
}

/** Sixteen lower-case hex digits. */
export function formatChecksum(checksum: Checksum): string {
  return checksum.toString(16);
}

export function parseChecksum(text: string): Checksum | undefined {
  return CHECKSUM_TEXT.test(text) ? (BigInt(`0x${text}`) as Checksum) : undefined;
}

/** A running CRC-64/GO-ISO. */
export class Crc64 {
  readonly #state = new Int32Array(2).fill(-1);

  /** With the value of another one, it goes on from there. */
  constructor(value?: bigint) {
    if (value === undefined) return;
    this.#state[0] = ~Number(BigInt.asIntN(32, value));
    this.#state[1] = ~Number(BigInt.asIntN(32, value >> 32n));
  }

  update(bytes: Uint8Array, start = 0, end = bytes.length): this {
    currentCodec().crc64(this.#state, bytes, start, end);
    return this;
  }

  /** The CRC of everything given so far, without the flag bit; more may follow. */
  value(): bigint {
    return join(~(this.#state[0] as number), ~(this.#state[1] as number));
  }

  /** The same with the flag bit set, as files have it. */
  checksum(): Checksum {
    return (this.value() | FLAG) as Checksum;
  }
}

/** The CRC-64/GO-ISO of one run of bytes, without the flag bit. */
export function crc64(bytes: Uint8Array): bigint {
  return new Crc64().update(bytes).value();
}

/** The checksum of one page, which depends on its number. */
export function pageChecksum(pgno: Pgno, page: Uint8Array): Checksum {
  return new DatabaseChecksum().toggle(pgno, page).value();
}

/** What a database checksum becomes when a page changes; undefined for a page that is not there. */
export function updateDatabaseChecksum(
  checksum: Checksum,
  before: Checksum | undefined,
  after: Checksum | undefined,
): Checksum {
  return ((checksum ^ (before ?? 0n) ^ (after ?? 0n)) | FLAG) as Checksum;
}

/** The checksum of a whole database file. */
export function databaseChecksum(database: Uint8Array, pageSize: PageSize): Checksum {
  if (database.length % pageSize !== 0) {
    throw new RangeError(`${database.length} bytes are not whole pages of ${pageSize}`);
  }
  const lock = lockPgno(pageSize);
  const checksum = new DatabaseChecksum();
  for (let start = 0; start < database.length; start += pageSize) {
    const pgno = (start / pageSize + 1) as Pgno;
    if (pgno !== lock) checksum.toggle(pgno, database, start, start + pageSize);
  }
  return checksum.value();
}

/** A running database checksum. The caller leaves out the lock page. */
export class DatabaseChecksum {
  readonly #state = new Int32Array(2);
  readonly #pgno = new Uint8Array(4);
  #low = 0;
  #high = 0;

  /** With the value of another one, it goes on from there. */
  constructor(value?: Checksum) {
    if (value === undefined) return;
    this.#low = Number(BigInt.asIntN(32, value));
    this.#high = Number(BigInt.asIntN(32, value >> 32n));
  }

  /** Adds a page that is not in it, or takes out one that is. */
  toggle(pgno: Pgno, bytes: Uint8Array, start = 0, end = bytes.length): this {
    const codec = currentCodec();
    const prefix = this.#pgno;
    prefix[0] = pgno >>> 24;
    prefix[1] = pgno >>> 16;
    prefix[2] = pgno >>> 8;
    prefix[3] = pgno;
    this.#state.fill(-1);
    codec.crc64(this.#state, prefix, 0, 4);
    codec.crc64(this.#state, bytes, start, end);
    this.#low ^= ~(this.#state[0] as number);
    this.#high ^= ~(this.#state[1] as number);
    return this;
  }

  value(): Checksum {
    return (join(this.#low, this.#high) | FLAG) as Checksum;
  }
}

function join(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
