/**
 * An object of which bytes are wrong or missing, as a program meets it that reads by SQL: in
 * opening, reading, following and hydrating. The error says which object it is, wherever in it the
 * damage is.
 */

import { decodeLtx, TRAILER_SIZE } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import type { OpenedDatabase } from "../src/index.ts";
import { integrity, scalar } from "./support/dump.ts";
import { openReader } from "./support/mounts.ts";
import { resultCode } from "./support/result-code.ts";
import { type Harm, StoreReplica } from "./support/store-replica.ts";
import { fileStore, s3Store, type TestStore } from "./support/stores.ts";

const STORES: readonly TestStore[] = [fileStore, await s3Store("ceph", "damaged objects")];

const flipped =
  (at: (sound: Uint8Array) => number): Harm =>
  (sound) => {
    const bytes = sound.slice();
    bytes[at(sound)]! ^= 0x55;
    return bytes;
  };

/** What is seen without a page being read, however large the file is. */
const HARMS: Readonly<Record<string, Harm>> = {
  "a header of which a byte is wrong": flipped(() => 5),
  "an index of which a byte is wrong": flipped((sound) => sound.byteLength - TRAILER_SIZE - 20),
  "no second half": (sound) => sound.subarray(0, sound.byteLength >> 1),
  "no last byte": (sound) => sound.subarray(0, -1),
  "a header and no more": (sound) => sound.subarray(0, 100),
  "no bytes": () => new Uint8Array(0),
  "something else in it": () => Buffer.from("<html>not what you think</html>".repeat(99)),
};

const FIRST = /0000000000000001-0000000000000001\.ltx is damaged/;
const SECOND = /0000000000000002-0000000000000002\.ltx is damaged/;
/** So many pages make a file that is fetched by ranges; so few, one that is fetched whole. */
const SIZES: readonly number[] = [400, 4];

/** Of one transaction. */
async function makeReplica(store: TestStore, rows: number): Promise<StoreReplica> {
  const replica = await StoreReplica.open(store);
  await replica.commit(`create table item(id integer primary key, body);
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows})
    insert into item select i, randomblob(3000) from n`);
  return replica;
}

const ALL = "select sum(length(body)) from item";

const errorOf = (call: () => unknown) => {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
};

for (const store of STORES) {
  const kind = describe.skipIf(store.problem !== undefined);

  kind.each(Object.entries(HARMS))(`an object with %s, on ${store.name}`, (_, harm) => {
    it.each(SIZES)("is named by the opening, with %d rows", async (rows) => {
      const replica = await makeReplica(store, rows);
      await replica.put(0, 1, 1, harm);
      const failure = await openReader(replica.options).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "REPLICA_DAMAGED" });
      expect(failure).toHaveProperty("message", expect.stringMatching(FIRST));
    });

    it.each(SIZES)("is named while following, with %d rows, and read once mended", async (rows) => {
      const replica = await makeReplica(store, rows);
      const reader = await openReader(replica.options);
      const { database } = reader;
      const told: string[] = [];
      reader.on("followFailed", ({ error }) => told.push(error.message));
      const txid = replica.change("update item set body = randomblob(3000)");
      await replica.put(0, txid, txid, harm);
      await expect(reader.flush()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
      const refused = errorOf(() => database.pragma("headwater_sync"));
      expect(resultCode(refused)).toBe("SQLITE_IOERR");
      expect(scalar(database, "pragma headwater_why")).toMatch(SECOND);
      expect((await reader.status()).follow?.lastError?.message).toMatch(SECOND);
      expect(told.length).toBeGreaterThan(0);
      for (const message of told) expect(message).toMatch(SECOND);
      expect(scalar(database, ALL)).toBe(rows * 3000);
      expect(await reader.status()).toMatchObject({ txid: 1n });
      await replica.put(0, 2);
      expect(await reader.flush()).toBe(2n);
      expect((await reader.status()).follow?.lastError).toBeUndefined();
      expect(integrity(database)).toBe("ok");
    });

    it("is named by what reads it later, too", async () => {
      const replica = await makeReplica(store, 400);
      const { database } = await openReader({ ...replica.options, warmUp: false });
      await replica.put(0, 1, 1, harm);
      const failure = errorOf(() => scalar(database, ALL));
      expect(resultCode(failure)).toBe("SQLITE_CORRUPT");
      expect(scalar(database, "pragma headwater_why")).toMatch(FIRST);
    });
  });

  kind(`an object with the checksum of something else, on ${store.name}`, () => {
    const harm = flipped((sound) => sound.byteLength - 3);

    it("is named by the opening, if it is small", async () => {
      const replica = await makeReplica(store, 4);
      await replica.put(0, 1, 1, harm);
      const failure = await openReader(replica.options).catch((error: unknown) => error);
      expect(failure).toHaveProperty("message", expect.stringMatching(FIRST));
    });

    it("is named by hydration, which reads large ones to their end", async () => {
      const replica = await makeReplica(store, 400);
      await replica.put(0, 1, 1, harm);
      const reader = await openReader({ ...replica.options, hydrate: true });
      await expectUnhydrated(reader);
      expect(scalar(reader.database, ALL)).toBe(400 * 3000);
    });
  });

  kind(`an object with a damaged page, on ${store.name}`, () => {
    it("is named by SQL and by hydration, and all other pages can be read", async () => {
      const replica = await makeReplica(store, 400);
      // Of the page of the last row.
      const frame = [...decodeLtx(await replica.bytesOf(1)).index].at(-1)!.offset;
      const harm = flipped(() => frame + 3);
      await replica.put(0, 1, 1, harm);
      const reader = await openReader({ ...replica.options, hydrate: true });
      const { database } = reader;
      const failure = errorOf(() => scalar(database, ALL));
      expect(resultCode(failure)).toBe("SQLITE_CORRUPT");
      expect(scalar(database, "pragma headwater_why")).toMatch(/page \d+ in .*1\.ltx is damaged/);
      expect(scalar(database, "select length(body) from item where id = 200")).toBe(3000);
      await expectUnhydrated(reader);
      expect(scalar(database, "select length(body) from item where id = 201")).toBe(3000);
    });
  });
}

async function expectUnhydrated(reader: OpenedDatabase): Promise<void> {
  const failure = await reader.hydrated().catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "REPLICA_DAMAGED" });
  expect(failure).toHaveProperty("message", expect.stringMatching(FIRST));
  const { hydration } = await reader.status();
  expect(hydration).toMatchObject({ done: false, error: { code: "REPLICA_DAMAGED" } });
  expect(hydration?.error?.message).toMatch(FIRST);
}
