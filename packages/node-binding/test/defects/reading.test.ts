/**
 * Where other readers of replicas go wrong, in read mode. Each file of these replicas is one that
 * Litestream's own compaction, snapshots and retention leave behind in the ordinary course.
 */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { MountOptions } from "../../src/index.ts";
import { DrivenProcess } from "../support/driven-process.ts";
import { dump, findDumpDifference, integrity, scalar } from "../support/dump.ts";
import { eventually } from "../support/eventually.ts";
import { openReader, openWriter } from "../support/mounts.ts";
import { ReplicaBuilder, type ReplicaBuilderOptions } from "../support/replica-builder.ts";
import { errorOf, resultCode } from "../support/result-code.ts";

const FILL = `
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 400)
  insert into filler select printf('%d %.*c', i, 100, 'z') from n`;

/** A replica whose first transaction has two tables: one value, and several dozen pages. */
async function replicaWithValue(options?: ReplicaBuilderOptions): Promise<ReplicaBuilder> {
  const replica = new ReplicaBuilder(options);
  await replica.commit(`
    create table item(value integer); insert into item values (0);
    create table filler(text); ${FILL}`);
  return replica;
}

async function readerOf(replica: ReplicaBuilder, options: Partial<MountOptions> = {}) {
  const reader = await openReader({ url: replica.url, ...options });
  const value = () => scalar(reader.database, "select value from item");
  return { ...reader, value };
}

describe("a reader that follows", () => {
  // 1
  it("keeps a newer value when an older one arrives at a higher level", async () => {
    const replica = await replicaWithValue();
    const reader = await readerOf(replica);
    await replica.commit("update item set value = 1");
    await replica.commit("update item set value = 2");
    await reader.flush();
    expect(reader.value()).toBe(2);
    await replica.put(1, 1, 2);
    await reader.flush();
    expect(reader.value()).toBe(2);
    replica.remove(0, 1, 1);
    replica.remove(0, 2, 2);
    await replica.commit("update item set value = 3");
    await reader.flush();
    expect(reader.value()).toBe(3);
  });

  // 2
  it("does not take a higher level that lags behind a grown database for a shrink", async () => {
    const replica = await replicaWithValue();
    await replica.commit("update item set value = 1");
    const reader = await readerOf(replica);
    await replica.commit(FILL);
    await replica.put(1, 1, 2);
    await replica.commit(FILL);
    await reader.flush();
    expect(integrity(reader.database)).toBe("ok");
    expect(
      findDumpDifference(await dump(reader.database), await dump(replica.database)),
    ).toBeUndefined();
  });

  // 3
  it("keeps every remaining page when the database shrinks a little", async () => {
    const replica = await replicaWithValue({ autoVacuum: "incremental" });
    const reader = await readerOf(replica);
    await replica.commit("delete from filler where rowid % 3 = 0");
    await replica.commit("pragma incremental_vacuum(2)");
    await reader.flush();
    expect(scalar(reader.database, "pragma page_count")).toBe(
      scalar(replica.database, "pragma page_count"),
    );
    expect(integrity(reader.database)).toBe("ok");
    expect(
      findDumpDifference(await dump(reader.database), await dump(replica.database)),
    ).toBeUndefined();
  });

  // 4
  it("goes on when it was opened between a compaction and the file that straddles it", async () => {
    const replica = await replicaWithValue();
    for (let value = 1; value <= 3; value += 1) {
      replica.change(`update item set value = ${value}`);
    }
    await replica.put(9, 1, 4);
    const reader = await readerOf(replica);
    expect(reader.value()).toBe(3);
    await replica.commit("update item set value = 4");
    await replica.commit("update item set value = 5");
    await replica.put(1, 3, 5);
    await reader.flush();
    expect(reader.value()).toBe(5);
    await replica.commit("update item set value = 6");
    await reader.flush();
    expect(reader.value()).toBe(6);
    expect(integrity(reader.database)).toBe("ok");
  });

  // 5
  it("finds its pages again when retention removes the files under it", async () => {
    const replica = await replicaWithValue();
    const reader = await readerOf(replica, { cacheBytes: 0 });
    await replica.commit("update item set value = 1");
    await reader.flush();
    reader.database.exec("begin");
    expect(reader.value()).toBe(1);
    await replica.put(1, 1, 2);
    // Never the newest one of level 0, by which a reader knows that this is still its database.
    replica.remove(0, 1);
    // Within the transaction that began before, and after it.
    for (const end of ["commit", "select 1"]) {
      const lengths = "select sum(length(text)) from filler";
      expect(scalar(reader.database, lengths)).toBe(scalar(replica.database, lengths));
      reader.database.exec(end);
    }
    await replica.commit("update item set value = 2");
    await reader.flush();
    expect(reader.value()).toBe(2);
    expect(integrity(reader.database)).toBe("ok");
  });

  it("catches up when compaction has removed what it did not see in time", async () => {
    const replica = await replicaWithValue();
    const reader = await readerOf(replica, { cacheBytes: 0, pollIntervalMs: 20 });
    await reader.flush();
    replica.change("update item set value = 1");
    replica.change("update item set value = 2");
    await replica.put(1, 1, 3);
    replica.remove(0, 1);
    // Nothing of it may be left in SQLite's own cache.
    reader.database.pragma("cache_size = 1");
    await eventually("the newest value", () => {
      try {
        scalar(reader.database, "select count(text) from filler");
        return reader.value() === 2 ? true : undefined;
      } catch (error) {
        // What it sees is gone, and what is there it has not seen yet.
        expect(["SQLITE_IOERR", "SQLITE_BUSY"]).toContain(resultCode(error));
        return undefined;
      }
    });
    expect(integrity(reader.database)).toBe("ok");
  });

  // 8
  it("does not move the view of a statement that is being stepped", async () => {
    const replica = await replicaWithValue();
    const reader = await readerOf(replica);
    const rows = reader.database.prepare("select rowid, text from filler").raw().iterate();
    rows.next();
    await replica.commit("update filler set text = 'new'; update item set value = 1");
    await reader.flush();
    let count = 1;
    for (const row of rows as Iterable<[number, string]>) {
      expect(row[1]).not.toBe("new");
      count += 1;
    }
    expect(count).toBe(400);
    expect(reader.value()).toBe(1);
    expect(scalar(reader.database, "select count(*) from filler where text = 'new'")).toBe(400);
  });

  // 10
  it("tells the transaction that is seen, not the one that has arrived", async () => {
    const replica = await replicaWithValue();
    const reader = await readerOf(replica);
    const txid = () => BigInt(`0x${scalar(reader.database, "pragma headwater_txid")}`);
    reader.database.exec("begin");
    expect(reader.value()).toBe(0);
    await replica.commit("update item set value = 1");
    await reader.flush();
    expect([reader.value(), txid()]).toEqual([0, 1n]);
    reader.database.exec("commit");
    expect([reader.value(), txid()]).toEqual([1, 2n]);
  });

  it("never goes back when files that it has read are gone", async () => {
    const replica = await replicaWithValue();
    const reader = await readerOf(replica);
    await replica.commit("update item set value = 1");
    await reader.flush();
    replica.remove(0, 2);
    await reader.flush().catch(() => {});
    expect(reader.value()).toBe(1);
  });
});

describe("a reader that opens", () => {
  // 6
  it("does not count pages that an older, larger state had", async () => {
    const replica = await replicaWithValue();
    await replica.commit(FILL);
    await replica.commit("drop table filler; vacuum");
    const reader = await readerOf(replica);
    expect(scalar(reader.database, "pragma page_count")).toBe(
      scalar(replica.database, "pragma page_count"),
    );
    expect(integrity(reader.database)).toBe("ok");
  });

  // 7
  it("stops before a gap, and goes on when a higher level fills it", async () => {
    const replica = await replicaWithValue();
    replica.change("update item set value = 1");
    await replica.commit("update item set value = 2");
    const early = await readerOf(replica).catch((error: unknown) => error);
    expect(early).toMatchObject({ code: "REPLICA_DAMAGED" });
    await replica.put(1, 1, 2);
    const reader = await readerOf(replica);
    expect(reader.value()).toBe(2);
    expect(integrity(reader.database)).toBe("ok");
  });

  it.each([512, 65_536])("reads every level together in pages of %i bytes", async (pageSize) => {
    const replica = await replicaWithValue({ pageSize });
    for (let value = 1; value <= 9; value += 1) {
      replica.change(`update item set value = ${value}; ${FILL}`);
    }
    await replica.put(9, 1, 3);
    await replica.put(3, 2, 5);
    await replica.put(1, 5, 8);
    await replica.put(0, 8);
    await replica.put(0, 9);
    await replica.put(0, 10);
    const reader = await readerOf(replica);
    expect(
      findDumpDifference(await dump(reader.database), await dump(replica.database)),
    ).toBeUndefined();
    expect(integrity(reader.database)).toBe("ok");
  });

  it.each([{ isWal: true }, { encoding: "frame" }] as const)(
    "reads, hydrates and writes on what another program has written as %j",
    async (options) => {
      const replica = await replicaWithValue(options);
      await replica.commit("update item set value = 1");
      const reader = await readerOf(replica, { hydrate: true });
      await reader.hydrated();
      expect(reader.value()).toBe(1);
      expect(integrity(reader.database)).toBe("ok");
      const writer = await openWriter({ url: replica.url });
      writer.database.exec("update item set value = 2");
      await reader.waitForTxid(await writer.flush());
      expect([reader.value(), scalar(writer.database, "select value from item")]).toEqual([2, 2]);
      expect(integrity(reader.database)).toBe("ok");
    },
  );

  // 9
  it("ends in an error or in rows, whatever byte of a file is damaged", async () => {
    const replica = await replicaWithValue();
    const sound = readFileSync(replica.pathOf(0, 1));
    for (let at = 101; at < sound.length; at += 101) {
      const damaged = Buffer.from(sound);
      damaged[at] = (damaged[at] ?? 0) ^ 0x55;
      replica.putBytes(0, 1, 1, damaged);
      const seen = await readAll(replica).catch((error: unknown) => error);
      if (typeof seen === "string") continue;
      expect(seen, `byte ${at}`).toMatchObject({ code: expect.any(String) });
    }
    replica.putBytes(0, 1, 1, sound.subarray(0, sound.length - 40));
    await expect(readAll(replica)).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    replica.putBytes(0, 1, 1, sound);
    expect(findDumpDifference(await readAll(replica), await dump(replica.database))).toBe(
      undefined,
    );
  });

  // 11
  it("leaves other connections alone when it fails", async () => {
    const replica = await replicaWithValue();
    const first = await readerOf(replica);
    const broken = new ReplicaBuilder();
    broken.putBytes(0, 1, 1, Buffer.from("this is no LTX file"));
    await expect(readerOf(broken)).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(first.value()).toBe(0);
    expect(integrity(first.database)).toBe("ok");
  });

  // 13
  it("does not take the process with it when it fails", async () => {
    const program = new DrivenProcess("./headwater-child.ts");
    const failure = program.call("mount", { url: "s3://nowhere/app.db?endpoint=http://[::1]:1" });
    await expect(failure).rejects.toMatchObject({ code: expect.any(String) });
    await expect(program.call("mount", { url: "nonsense" })).rejects.toThrow();
    expect(await program.call("ping")).toBe("pong");
    program.hangUp();
    expect(await program.ended).toMatchObject({ code: 0 });
  });
});

describe("readers beside a writer", () => {
  // 12
  it("are never told that the database is busy", async () => {
    const { url } = new ReplicaBuilder();
    const writer = await openWriter({ url });
    writer.database.exec(`create table filler(text); ${FILL}`);
    writer.database.pragma("cache_size = 2");
    const reader = await openWriterConnection(writer.filename);
    writer.database.exec(`begin; ${FILL}; update filler set text = text || '!'`);
    expect(scalar(reader, "select count(*) from filler")).toBe(400);
    writer.database.exec("commit");
    expect(scalar(reader, "select count(*) from filler")).toBe(800);
    const refused = errorOf(() => reader.exec("this is no SQL"));
    expect(resultCode(refused)).toBe("SQLITE_ERROR");
    reader.close();
  });
});

async function readAll(replica: ReplicaBuilder): Promise<string> {
  const reader = await openReader({ url: replica.url, requestTimeoutMs: 3000 });
  try {
    return await dump(reader.database);
  } finally {
    await reader.close();
  }
}

async function openWriterConnection(filename: string) {
  const { default: Database } = await import("better-sqlite3");
  return new Database(filename, { timeout: 0 });
}
