/**
 * Hits and misses of SQLite's reads in the native look-up, beside the same reads replayed in
 * TypeScript. This test's thread stands in for the engine: it has the pages, and a page cache.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bufferMemory, byteLengthFor, PageCache } from "@headwater/vfs-core/testing";
import Database from "better-sqlite3";
import { beforeAll, describe, expect, it } from "vitest";
import { registerBetterSqlite3 } from "../../src/drivers.ts";
import { NativeCacheMemory } from "../../src/engine/native-cache-memory.ts";
import { native } from "../../src/native.ts";
import type { CacheReplayData } from "../support/cache-replay-thread.ts";
import { tempDir } from "../support/temp-dir.ts";
import { messageOf, startThread } from "../support/threads.ts";

const PAGE_SIZE = 4096;
const ROWS = 6000;
const READS = 4000;
const FRAMES = 120;
const REQUEST_READ = 1;

function makeDatabase(): Uint8Array {
  const path = join(tempDir(), "some.db");
  const database = new Database(path);
  database.exec(`
    create table item(id integer primary key, body text);
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
    insert into item select i, printf('%.*c', 300, 'x') from n`);
  database.close();
  return readFileSync(path);
}

interface Request {
  readonly id: number;
  readonly pgno: number;
}

/** Answers what SQLite threads ask for; one mount at a time. */
let onRequest: (request: Request) => void = () => {};

let mounts = 0;

/** Reads rows of a mount that shows the database; `cache` makes its cache, if it has one. */
async function readRows(
  bytes: Uint8Array,
  makeCache: (mount: number) => PageCache | undefined,
): Promise<{ asked: number[]; hits: number; misses: number }> {
  mounts += 1;
  const name = `counts-${mounts}.db`;
  const pageCount = bytes.length / PAGE_SIZE;
  const id = native.mountCreate(name, false, PAGE_SIZE, 20_000, 1, 1n, pageCount, 1, 0, false);
  const cache = makeCache(id);
  const asked: number[] = [];
  onRequest = ({ id: request, pgno }) => {
    const page = bytes.subarray((pgno - 1) * PAGE_SIZE, pgno * PAGE_SIZE);
    asked.push(pgno);
    cache?.insert(pgno, 0, undefined, page);
    native.answer(request, 0, page);
  };
  if (cache !== undefined) native.cachePublish(id);
  native.mountActivate(id);
  const filename = `file:${name}?vfs=headwater`;
  const data: CacheReplayData = { filename, rowCount: ROWS, readCount: READS };
  await messageOf(startThread("./cache-replay-thread.ts", data));
  const { hits, misses } = native.mountState(id);
  native.mountClose(id, "the test is over");
  return { asked, hits, misses };
}

describe("the native look-up", () => {
  beforeAll(() => {
    native.engineStart(() => {
      for (;;) {
        const batch = native.takeRequests();
        if (batch.length === 0) return;
        for (let at = 0; at < batch.length; at += 5) {
          const [kind, , id = 0, pgno = 0] = batch.subarray(at, at + 5);
          if (kind === REQUEST_READ) onRequest({ id, pgno });
        }
      }
    });
    registerBetterSqlite3(Database);
  });

  it("hits and misses exactly as the same reads do when they are replayed", async () => {
    const bytes = makeDatabase();
    const { asked: trace, misses: all } = await readRows(bytes, () => undefined);
    expect(trace).toHaveLength(all);
    const options = { frameCount: FRAMES, pageSize: PAGE_SIZE };
    const byteLength = byteLengthFor(FRAMES, PAGE_SIZE);
    const replayed = new PageCache(bufferMemory(new ArrayBuffer(byteLength)), options);
    const expected: number[] = [];
    for (const pgno of trace) {
      if (replayed.get(pgno, 1) !== undefined) continue;
      expected.push(pgno);
      replayed.insert(pgno, 0, undefined, bytes.subarray(0, PAGE_SIZE));
    }
    const real = await readRows(bytes, (mount) => {
      const memory = new NativeCacheMemory(native, mount, byteLength, byteLength);
      return new PageCache(memory, options);
    });
    const { hitCount, missCount, evictCount } = replayed.stats;
    expect(evictCount).toBeGreaterThan(500);
    expect(real.asked).toEqual(expected);
    expect({ hits: real.hits, misses: real.misses }).toEqual({ hits: hitCount, misses: missCount });
  }, 60_000);
});
