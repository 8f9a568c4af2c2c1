import { describe, expect, it } from "vitest";
import {
  Crc64,
  crc64,
  DatabaseChecksum,
  databaseChecksum,
  EMPTY_DATABASE_CHECKSUM,
  formatChecksum,
  lockPgno,
  pageChecksum,
  parseChecksum,
  toChecksum,
  toPageSize,
  toPgno,
  updateDatabaseChecksum,
} from "../src/index.ts";
import { SeededRandom } from "../src/testing/index.ts";
import { pgno, text } from "./support.ts";

/** As the catalogue defines it, bit by bit. */
function crc64BitByBit(bytes: Uint8Array): bigint {
  let crc = 2n ** 64n - 1n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) {
      crc = (crc >> 1n) ^ ((crc & 1n) === 1n ? 0xd800_0000_0000_0000n : 0n);
    }
  }
  return crc ^ (2n ** 64n - 1n);
}

describe("CRC-64/GO-ISO", () => {
  it("has the catalogue's check value", () => {
    expect(crc64(text("123456789"))).toBe(0xb909_56c7_75a4_1001n);
    expect(crc64(new Uint8Array(0))).toBe(0n);
  });

  it("is the same as bit by bit, for every length and alignment", () => {
    const bytes = new SeededRandom(1).bytes(100);
    for (let start = 0; start < 9; start += 1) {
      for (let end = start; end < 60; end += 1) {
        const part = bytes.subarray(start, end);
        const running = new Crc64().update(bytes, start, end).value();
        expect(running).toBe(crc64BitByBit(part));
        expect(crc64(part.slice())).toBe(running);
      }
    }
  });

  it("does not depend on how the bytes are cut", () => {
    const random = new SeededRandom(2);
    const bytes = random.bytes(5000);
    const crc = new Crc64();
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + random.between(0, 40));
      crc.update(bytes, at, end);
      at = end;
    }
    expect(crc.value()).toBe(crc64(bytes));
  });
});

describe("database checksum", () => {
  it("has the values that the reference implementation's tests name", () => {
    const two = new Uint8Array(1024).fill(0x32, 0, 512).fill(0x33, 512);
    expect(formatChecksum(databaseChecksum(two, toPageSize(512)))).toBe("8b87423eeeeeeeee");
    const large = new Uint8Array(2048).fill(0x32, 0, 1024).fill(0x33, 1024);
    expect(formatChecksum(databaseChecksum(large, toPageSize(1024)))).toBe("e1899b6d587aaaaa");
  });

  it("leaves out the lock page, as the reference implementation's third value shows", () => {
    const pageSize = toPageSize(4096);
    const lock = lockPgno(pageSize);
    const page = new Uint8Array(pageSize).fill("x".charCodeAt(0));
    const checksum = new DatabaseChecksum();
    for (let number = 1; number <= lock + 10; number += 1) {
      if (number !== lock) checksum.toggle(toPgno(number), page);
    }
    expect(formatChecksum(checksum.value())).toBe("c19b668c376662c7");
  });

  it("leaves it out of a whole file too, and only it", () => {
    const pageSize = toPageSize(65536);
    const lock = lockPgno(pageSize);
    const database = new Uint8Array((lock + 1) * pageSize);
    const before = databaseChecksum(database.subarray(0, (lock - 1) * pageSize), pageSize);
    const after = pageChecksum(toPgno(lock + 1), database.subarray(lock * pageSize));
    const expected = updateDatabaseChecksum(before, undefined, after);
    expect(databaseChecksum(database, pageSize)).toBe(expected);
  });

  it("is the flag alone for an empty database", () => {
    expect(databaseChecksum(new Uint8Array(0), toPageSize(512))).toBe(EMPTY_DATABASE_CHECKSUM);
    expect(EMPTY_DATABASE_CHECKSUM).toBe(1n << 63n);
  });

  it("is kept up to date page by page", () => {
    const random = new SeededRandom(3);
    const pageSize = toPageSize(512);
    const database = random.bytes(512 * 5);
    let checksum = databaseChecksum(database, pageSize);
    const after = random.bytes(512);
    const before = database.slice(1024, 1536);
    checksum = updateDatabaseChecksum(
      checksum,
      pageChecksum(pgno(3), before),
      pageChecksum(pgno(3), after),
    );
    database.set(after, 1024);
    expect(checksum).toBe(databaseChecksum(database, pageSize));
    const last = pageChecksum(pgno(5), database.subarray(2048));
    const shrunk = updateDatabaseChecksum(checksum, last, undefined);
    expect(shrunk).toBe(databaseChecksum(database.subarray(0, 2048), pageSize));
    expect(updateDatabaseChecksum(shrunk, undefined, last)).toBe(checksum);
  });

  it("refuses bytes that are not whole pages", () => {
    expect(() => databaseChecksum(new Uint8Array(513), toPageSize(512))).toThrow(RangeError);
  });
});

describe("Checksum text", () => {
  it("is sixteen lower-case hex digits with the flag", () => {
    expect(parseChecksum("8b87423eeeeeeeee")).toBe(0x8b87_423e_eeee_eeeen);
    for (const other of ["7b87423eeeeeeeee", "8B87423eeeeeeeee", "8b", ""]) {
      expect(parseChecksum(other)).toBeUndefined();
    }
    expect(() => toChecksum(1n)).toThrow(RangeError);
  });
});
