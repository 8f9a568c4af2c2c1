import { describe, expect, it } from "vitest";
import {
  decodeLtx,
  encodeLtx,
  lockPgno,
  PAGE_SIZES,
  readDatabasePageSize,
  restoreDatabase,
  snapshotDatabase,
  toPageSize,
} from "../src/index.ts";
import { fileSpec, randomPage, SeededRandom } from "../src/testing/index.ts";
import { chunkedLater, expectBytes, expectCodeLater, txid } from "./support.ts";

const timestampMs = 1_700_000_000_000;

describe("snapshotDatabase and restoreDatabase", () => {
  it("give back databases of every page size, in chunks of any size", async () => {
    for (const pageSize of PAGE_SIZES) {
      const random = new SeededRandom(pageSize);
      const database = randomPage(random, pageSize * 9);
      const databaseSize = database.length;
      for (const chunkSize of [100, 3000, databaseSize]) {
        const { bytes, result } = await snapshotDatabase(chunkedLater(database, chunkSize), {
          databaseSize,
          pageSize,
          timestampMs,
          maxTxid: txid(5),
        }).bytes();
        expect(result.header).toEqual(decodeLtx(bytes).header);
        expect(result.header).toMatchObject({ minTxid: 1n, maxTxid: 5n, commit: 9 });
        const restored = await restoreDatabase([chunkedLater(bytes, chunkSize)]).bytes();
        expectBytes(restored.bytes, database);
        expect(restored.result.size).toBe(databaseSize);
      }
    }
  });

  it("carry the database checksum if told so", async () => {
    const database = new SeededRandom(1).bytes(2048);
    const options = { databaseSize: 2048, pageSize: toPageSize(512), timestampMs };
    const { result, bytes } = await snapshotDatabase(database, {
      ...options,
      noChecksum: false,
    }).bytes();
    expect(result.trailer.postApplyChecksum).toBeDefined();
    expect((await restoreDatabase([bytes]).bytes()).bytes).toEqual(database);
  });

  it("take an empty database", async () => {
    const options = { databaseSize: 0, pageSize: toPageSize(512), timestampMs };
    const { bytes } = await snapshotDatabase(new Uint8Array(0), options).bytes();
    expect((await restoreDatabase([bytes]).bytes()).bytes.length).toBe(0);
  });

  it("go past the lock page, which is zeros on the way out", async () => {
    const pageSize = toPageSize(65536);
    const lock = lockPgno(pageSize);
    const count = lock + 2;
    const zeros = new Uint8Array(pageSize);
    const marked = (pgno: number) => new Uint8Array(pageSize).fill(pgno - lock + 10);
    async function* database() {
      for (let pgno = 1; pgno <= count; pgno += 1) yield pgno < lock - 1 ? zeros : marked(pgno);
    }
    const { bytes, result } = await snapshotDatabase(database(), {
      databaseSize: count * pageSize,
      pageSize,
      timestampMs,
    }).bytes();
    expect(result.index.count).toBe(count - 1);
    expect(result.index.find(lock)).toBeUndefined();
    let offset = 0;
    for await (const chunk of restoreDatabase([bytes])) {
      for (let at = 0; at < chunk.length; at += pageSize) {
        const pgno = (offset + at) / pageSize + 1;
        const isMarked = pgno >= lock - 1 && pgno !== lock;
        if (chunk[at] !== (isMarked ? pgno - lock + 10 : 0)) throw new Error(`page ${pgno}`);
      }
      offset += chunk.length;
    }
    expect(offset).toBe(count * pageSize);
  });

  it("refuse a database that is not of the size announced", async () => {
    const options = { databaseSize: 1024, pageSize: toPageSize(512), timestampMs };
    for (const size of [0, 512, 1000]) {
      const short = snapshotDatabase(new Uint8Array(size), options);
      await expectCodeLater(short.bytes(), "TRUNCATED");
    }
    await expectCodeLater(snapshotDatabase(new Uint8Array(1536), options).bytes(), "PAGE_REFUSED");
    await expectCodeLater(snapshotDatabase(new Uint8Array(1025), options).bytes(), "TRUNCATED");
    const odd = { ...options, databaseSize: 1000 };
    expect(() => snapshotDatabase(new Uint8Array(1000), odd)).toThrow(RangeError);
  });

  it("refuse files that do not start with a snapshot", async () => {
    const increment = encodeLtx(fileSpec({ minTxid: 2, commit: 3, pages: { 1: 1 } }));
    await expectCodeLater(restoreDatabase([increment]).bytes(), "SNAPSHOT_REQUIRED");
  });

  it("apply files one after another, and say what they had to make up", async () => {
    const files = [
      { pages: { 1: 1, 2: 1, 3: 1 } },
      { minTxid: 2, commit: 1, pages: { 1: 2 } },
      { minTxid: 3, commit: 4, pages: { 4: 3 } },
    ].map((init) => encodeLtx(fileSpec(init)));
    const { bytes, result } = await restoreDatabase(files).bytes();
    expect([0, 512, 1024, 1536].map((at) => bytes[at])).toEqual([2, 0, 0, 3]);
    expect(result.zeroPages).toBe(2);
  });
});

describe("readDatabasePageSize", () => {
  it("reads SQLite's field, where 1 means 65536", () => {
    const header = (high: number, low: number) => {
      const bytes = new Uint8Array(100);
      bytes.set([high, low], 16);
      return bytes;
    };
    expect(readDatabasePageSize(header(0x10, 0))).toBe(4096);
    expect(readDatabasePageSize(header(0, 1))).toBe(65536);
    expect(readDatabasePageSize(header(0, 2))).toBeUndefined();
    expect(readDatabasePageSize(header(0, 1).subarray(0, 17))).toBeUndefined();
  });
});
