import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemImageFiles } from "../src/disk/image-file.ts";
import type { ImageHandle } from "../src/disk/image-files.ts";
import { beginInPlace, ChangeInPlace, type DatabaseLock } from "../src/restore/change-in-place.ts";

const PAGE_SIZE = 512;

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "headwater-change-"));
  path = join(folder, "app.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Four states of one database: it grows, it shrinks, and keeps its size. */
function makeStates(): Buffer[] {
  const origin = join(folder, "origin.db");
  const database = new DatabaseSync(origin);
  database.exec(`pragma page_size = ${PAGE_SIZE}; create table t(n, filler)`);
  const fill = (n: number, count: number) =>
    database.exec(`
      with recursive i(x) as (select 1 union all select x + 1 from i where x < ${count})
      insert into t select ${n}, hex(randomblob(100)) from i`);
  fill(1, 40);
  const states = [readFileSync(origin)];
  fill(2, 60);
  states.push(readFileSync(origin));
  database.exec("delete from t where n = 1; delete from t where rowid % 3 = 0; vacuum");
  states.push(readFileSync(origin));
  database.exec("update t set n = 7");
  states.push(readFileSync(origin));
  database.close();
  return states;
}

function lockOf(connection: DatabaseSync): DatabaseLock {
  return {
    async lock() {
      connection.exec("begin exclusive");
      return () => connection.exec("rollback");
    },
  };
}

class Crash extends Error {}

/** The process ends at that call: nothing more reaches the disk. */
function crashingAt(handle: ImageHandle, call: number): ImageHandle {
  let left = call;
  const step = () => {
    left -= 1;
    if (left < 0) throw new Crash();
  };
  return {
    read: (...args) => handle.read(...args),
    close: () => handle.close(),
    async write(bytes, offset, length, position) {
      step();
      // A part of it may have come.
      if (left === 0) await handle.write(bytes, offset, Math.ceil(length / 2), position);
      step();
      return handle.write(bytes, offset, length, position);
    },
    async truncate(size) {
      step();
      await handle.truncate(size);
    },
    async sync() {
      step();
      await handle.sync();
    },
  };
}

/** Brings the file from one state to the next, in writes of some pages; true when it got there. */
async function change(from: Buffer, to: Buffer, crashAt: number): Promise<boolean> {
  const handle = await systemImageFiles.open(path);
  const connection = new DatabaseSync(path);
  const files = crashingAt(handle, crashAt);
  const options = { path, lock: lockOf(connection), random: () => 0.5, signal: undefined };
  const changing = new ChangeInPlace({ ...options, handle: files });
  try {
    for (let at = 0; at < to.byteLength; at += PAGE_SIZE) {
      const page = to.subarray(at, at + PAGE_SIZE);
      if (!page.equals(from.subarray(at, at + PAGE_SIZE))) {
        await changing.write(page, 0, PAGE_SIZE, at);
      }
    }
    await changing.truncate(to.byteLength);
    await changing.commit();
    return true;
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    return false;
  } finally {
    await changing.abandon();
    connection.close();
    await handle.close();
  }
}

function rowsOf(file: string): unknown {
  const database = new DatabaseSync(file);
  try {
    expect(database.prepare("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
    return database.prepare("select n, count(*), sum(length(filler)) from t group by n").all();
  } finally {
    database.close();
  }
}

function rowsIn(state: Buffer): unknown {
  const file = join(folder, "state.db");
  writeFileSync(file, state);
  return rowsOf(file);
}

describe("a change in place", () => {
  it("is whole or not at all, wherever the process ends", async () => {
    const states = makeStates();
    for (const [from, to] of [
      [states[0]!, states[1]!],
      [states[1]!, states[2]!],
      [states[2]!, states[3]!],
    ] as const) {
      let isDone = false;
      let crashes = 0;
      for (; !isDone; crashes += 1) {
        writeFileSync(path, from);
        rmSync(`${path}-journal`, { force: true });
        isDone = await change(from, to, crashes);
        expect(rowsOf(path), `call ${crashes}`).toEqual(rowsIn(isDone ? to : from));
      }
      expect(crashes).toBeGreaterThan(10);
    }
  });

  it("shows itself to a connection that has pages from before", async () => {
    const [, , from, to] = makeStates() as [Buffer, Buffer, Buffer, Buffer];
    // As a database in WAL mode has it, where nobody counts.
    from.copy(to, 24, 24, 28);
    writeFileSync(path, from);
    const reader = new DatabaseSync(path, { readOnly: true });
    const max = reader.prepare("select max(n) as max from t");
    expect(max.get()).toEqual({ max: 2 });
    expect(await change(from, to, 1e9)).toBe(true);
    expect(max.get()).toEqual({ max: 7 });
    reader.close();
  });

  it("keeps readers out from its first write to its end", async () => {
    const [from, to] = makeStates() as [Buffer, Buffer];
    writeFileSync(path, from);
    const reader = new DatabaseSync(path, { readOnly: true });
    reader.prepare("select count(*) from t").get();
    const handle = await systemImageFiles.open(path);
    const connection = new DatabaseSync(path);
    const options = { path, lock: lockOf(connection), random: () => 0.5, signal: undefined };
    const changing = new ChangeInPlace({ ...options, handle });
    await changing.write(to.subarray(0, PAGE_SIZE), 0, PAGE_SIZE, 0);
    // Held in memory still.
    expect(reader.prepare("select count(*) as count from t").get()).toEqual({ count: 40 });
    await changing.truncate(to.byteLength);
    expect(() => reader.prepare("select count(*) from t").get()).toThrow(/locked/);
    await changing.abandon();
    expect(rowsOf(path)).toEqual(rowsIn(from));
    reader.close();
    connection.close();
    await handle.close();
  });

  it("begins with a file in rollback mode, whatever mode it was in", async () => {
    const [from] = makeStates() as [Buffer];
    const wal = Buffer.from(from);
    wal.fill(2, 18, 20);
    writeFileSync(path, wal);
    const handle = await systemImageFiles.open(path);
    await beginInPlace(handle, from.byteLength / PAGE_SIZE);
    await handle.close();
    expect([...readFileSync(path).subarray(18, 20)]).toEqual([1, 1]);
    copyFileSync(path, join(folder, "copy.db"));
    const database = new DatabaseSync(join(folder, "copy.db"));
    expect(database.prepare("pragma journal_mode").get()).toEqual({ journal_mode: "delete" });
    database.close();
  });
});
