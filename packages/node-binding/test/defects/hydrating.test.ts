/**
 * Where other readers of replicas go wrong while they hydrate.
 */

import { statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { findDifference } from "../support/database-file.ts";
import { dump, findDumpDifference, integrity, scalar } from "../support/dump.ts";
import { openReader, openWriter } from "../support/mounts.ts";
import { noiseQuery } from "../support/noise.ts";
import { ReplicaBuilder } from "../support/replica-builder.ts";
import { tempDir } from "../support/temp-dir.ts";

/** Megabytes, so that hydration takes a moment. */
const FILL = `insert into filler ${noiseQuery(60_000, 4)}`;

async function largeReplica(): Promise<ReplicaBuilder> {
  const replica = new ReplicaBuilder({ autoVacuum: "incremental" });
  await replica.commit(`
    create table item(value integer); insert into item values (0);
    create table filler(text); ${FILL}`);
  return replica;
}

describe("a reader that hydrates", () => {
  // 31
  it("keeps what a transaction sees", async () => {
    const replica = await largeReplica();
    const reader = await openReader({ url: replica.url, hydrate: true, cacheBytes: 0 });
    await reader.hydrated();
    const { database } = reader;
    const checksum = "select total(length(text)) from filler";
    const before = scalar(database, checksum);
    database.exec("begin");
    expect(scalar(database, checksum)).toBe(before);
    for (let i = 0; i < 3; i += 1) {
      await replica.commit("update filler set text = text || 'x' where rowid % 50 = 0");
      await reader.flush();
      expect(scalar(database, checksum)).toBe(before);
      expect(scalar(database, "select value from item")).toBe(0);
    }
    database.exec("commit");
    expect(scalar(database, checksum)).toBe(scalar(replica.database, checksum));
    expect(integrity(database)).toBe("ok");
  });

  // 32
  it("keeps what it has followed while it was not complete", async () => {
    const replica = await largeReplica();
    const path = join(tempDir(), "image.db");
    const reader = await openReader({ url: replica.url, hydrate: { path }, pollIntervalMs: 1 });
    for (let value = 1; value <= 15; value += 1) {
      await replica.commit(`update item set value = ${value};
        update filler set text = text || 'y' where rowid % 1000 = ${value}`);
      await reader.waitForTxid(BigInt(value + 1));
      expect(scalar(reader.database, "select value from item")).toBe(value);
    }
    await reader.hydrated();
    expect(scalar(reader.database, "select value from item")).toBe(15);
    const same = findDumpDifference(await dump(reader.database), await dump(replica.database));
    expect(same).toBeUndefined();
  });

  // 33
  it("shares its image with no other mount, and with all of its connections", async () => {
    const replica = await largeReplica();
    const path = join(tempDir(), "image.db");
    const first = await openReader({ url: replica.url, hydrate: { path } });
    const second = openReader({ url: replica.url, hydrate: { path } });
    await expect(second).rejects.toMatchObject({ code: "IMAGE_LOCKED" });
    await first.hydrated();
    const connections = [new Database(first.filename), new Database(first.filename)];
    for (const connection of connections) {
      expect(integrity(connection)).toBe("ok");
      connection.close();
    }
    await first.close();
    const third = await openReader({ url: replica.url, hydrate: { path } });
    await third.hydrated();
    expect(integrity(third.database)).toBe("ok");
  });

  // 34
  it("ends with the file that the replica amounts to, after growing and shrinking", async () => {
    const replica = await largeReplica();
    const path = join(tempDir(), "image.db");
    const reader = await openReader({ url: replica.url, hydrate: { path } });
    await reader.hydrated();
    await replica.commit("delete from filler where rowid > 500");
    await replica.commit("pragma incremental_vacuum");
    await reader.flush();
    await replica.commit("insert into filler select text || 'new' from filler");
    const txid = BigInt(await replica.commit("vacuum"));
    await reader.waitForTxid(txid);
    const status = await reader.status();
    const pages = Number(scalar(replica.database, "pragma page_count"));
    expect(status.pageCount).toBe(pages);
    await reader.close();
    const again = await openReader({ url: replica.url, hydrate: { path } });
    await again.hydrated();
    await again.close();
    expect(statSync(path).size).toBe(pages * 4096);
    expect(findDifference(path, replica.databasePath)).toBeUndefined();
  });

  // 35
  it("does not call itself done when it is not", async () => {
    const replica = await largeReplica();
    const folder = join(tempDir(), "no-such-folder");
    const failing = openReader({ url: replica.url, hydrate: { path: join(folder, "image.db") } });
    await expect(failing).rejects.toMatchObject({ code: "IMAGE_FAILED" });
    const reader = await openReader({ url: replica.url, hydrate: true });
    const { hydration } = await reader.status();
    if (hydration?.done === true) expect(hydration.pagesPresent).toBe(hydration.pageCount);
    await reader.hydrated();
    const after = (await reader.status()).hydration;
    expect([after?.done, after?.pagesPresent]).toEqual([true, after?.pageCount]);
    const plain = await openReader({ url: replica.url });
    await expect(plain.hydrated()).rejects.toMatchObject({ code: "OPTION_INVALID" });
    expect((await plain.status()).hydration).toBeUndefined();
  });
});

describe("a writer that hydrates", () => {
  it("reads its own commits, synced or not, in an image that follows", async () => {
    const replica = await largeReplica();
    const path = join(tempDir(), "image.db");
    const { url } = replica;
    const writer = await openWriter({ url, hydrate: { path }, cacheBytes: 0, syncIntervalMs: 10 });
    const { database } = writer;
    for (let value = 1; value <= 20; value += 1) {
      database.exec(`update item set value = ${value}`);
      database.exec(`update filler set text = text || 'z' where rowid % 500 = ${value}`);
      if (value % 7 === 0) database.exec(`delete from filler where rowid % 40 = ${value}`);
      if (value % 5 === 0) await writer.flush();
      expect(scalar(database, "select value from item")).toBe(value);
    }
    database.exec("pragma incremental_vacuum");
    await writer.flush();
    await writer.hydrated();
    const other = new Database(writer.filename);
    const expected = await dump(other);
    expect(integrity(other)).toBe("ok");
    other.close();
    await writer.close();
    const reader = await openReader({ url });
    expect(findDumpDifference(await dump(reader.database), expected)).toBeUndefined();
  });
});
