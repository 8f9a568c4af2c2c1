/**
 * The page cache of a mount: resized while threads read from it, and what it keeps.
 */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { HeadwaterError } from "../src/index.ts";
import type { CacheReaderData, CacheReaderResult } from "./support/cache-reader-thread.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { tempDir } from "./support/temp-dir.ts";
import { messageOf, startThread } from "./support/threads.ts";

const MIB = 1024 * 1024;
const ROWS = 20_000;
const FILL = `
  create table item(id integer primary key, a text, b text);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
  insert into item select i, printf('%d:0 %.*c', i, 400, 'x'), printf('%d:0 %.*c', i, 400, 'x')
  from n`;

/** About 17 MB. */
async function bigReplica() {
  const url = `file://${tempDir()}`;
  const writer = await openWriter({ url });
  writer.database.exec(FILL);
  await writer.flush();
  return { url, writer };
}

function startReaders(filename: string, count: number) {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const results = Array.from({ length: count }, (_, index) => {
    const data: CacheReaderData = { filename, rowCount: ROWS, seed: index + 1, stop };
    return messageOf<CacheReaderResult>(startThread("./cache-reader-thread.ts", data));
  });
  return async () => {
    Atomics.store(stop, 0, 1);
    const all = await Promise.all(results);
    expect(all.map(({ problem }) => problem)).toEqual(all.map(() => undefined));
    return all.reduce((sum, result) => sum + result.count, 0);
  };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 15));

/** Memory of this process that is not a file's, in bytes. */
function residentBytes(): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

describe("resizeCache", () => {
  it("changes the cache under readers in other threads, and under others' commits", async () => {
    const { url, writer } = await bigReplica();
    const reader = await openReader({ url, cacheBytes: 2 * MIB, pollIntervalMs: 5 });
    const stop = startReaders(reader.filename, 2);
    const touch = writer.database.prepare(`
      update item set a = id || ':' || :mark || ' ' || a, b = id || ':' || :mark || ' ' || b
      where id % 500 = :rest`);
    const sizes = [8, 0.2, 32, 1, 4, 0, 24, 2];
    for (let round = 0; round < 40; round += 1) {
      const size = sizes[round % sizes.length]! * MIB;
      const bytes = await reader.resizeCache(size);
      expect(bytes).toBeLessThanOrEqual(Math.max(size, 70_000));
      if (round % 4 === 0) {
        touch.run({ mark: round, rest: round });
        await writer.flush();
      }
      await pause();
    }
    expect(await stop()).toBeGreaterThan(0);
    const { cache } = await reader.status();
    expect(cache!.evictCount).toBeGreaterThan(0);
    await reader.close();
  }, 60_000);

  it.skipIf(process.platform !== "linux")("gives memory back to the system", async () => {
    const { url, writer } = await bigReplica();
    await writer.close();
    const reader = await openReader({ url, cacheBytes: 32 * MIB });
    reader.database.pragma("cache_size = 4");
    const sum = reader.database.prepare("select sum(length(a)) from item").pluck();
    sum.get();
    expect((await reader.status()).cache!.usedCount).toBeGreaterThan(3000);
    const before = residentBytes();
    await reader.resizeCache(MIB);
    expect(before - residentBytes()).toBeGreaterThan(8 * MIB);
    await reader.resizeCache(32 * MIB);
    sum.get();
    expect((await reader.status()).cache!.usedCount).toBeGreaterThan(3000);
    await reader.close();
  });

  it("refuses what is no size", async () => {
    const { writer } = await bigReplica();
    const error = await writer.resizeCache(-1).catch((reason: unknown) => reason);
    expect(HeadwaterError.is(error, "OPTION_INVALID")).toBe(true);
  });
});

describe("the page cache", () => {
  it("tells how many reads it answered, and how many went to the engine", async () => {
    const { url, writer } = await bigReplica();
    await writer.close();
    const reader = await openReader({ url });
    reader.database.pragma("cache_size = 4");
    const sum = reader.database.prepare("select sum(length(a)) from item").pluck();
    sum.get();
    const { reads: before, pageCount } = await reader.status();
    sum.get();
    const { reads } = await reader.status();
    expect(reads.residentCount - before.residentCount).toBeGreaterThan(0.9 * pageCount);
    expect(reads.missCount).toBe(before.missCount);
    await reader.close();
  });

  it("keeps the pages that lead to others, however long a scan is", async () => {
    const { url, writer } = await bigReplica();
    await writer.close();
    const reader = await openReader({ url, cacheBytes: MIB });
    const { database } = reader;
    database.pragma("cache_size = 4");
    const interior = database
      .prepare("select count(*) from dbstat where pagetype = 'internal' or pageno = 1")
      .pluck()
      .get() as number;
    expect((await reader.status()).cache!.pinnedCount).toBe(interior);
    const sum = database.prepare("select sum(length(a)) from item").pluck();
    for (let scan = 0; scan < 3; scan += 1) sum.get();
    const { cache } = await reader.status();
    expect(cache!.evictCount).toBeGreaterThan(1000);
    expect(cache!.pinnedCount).toBe(interior);
    await reader.close();
  });
});
