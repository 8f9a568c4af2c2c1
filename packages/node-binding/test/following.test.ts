/**
 * What a reader that follows makes of files as they come and go in a store, seen by SQL.
 */

import { describe, expect, it } from "vitest";
import type { OpenedDatabase } from "../src/index.ts";
import { integrity, queryOf, scalar } from "./support/dump.ts";
import { openReader } from "./support/mounts.ts";
import { resultCode } from "./support/result-code.ts";
import { StoreReplica } from "./support/store-replica.ts";
import { fileStore, s3Store, type TestStore } from "./support/stores.ts";

const STORES: readonly TestStore[] = [fileStore, await s3Store("ceph", "following")];
/** A page and a bit each. */
const ROWS = 200;
const FILL = `
  create table item(id integer primary key, value, body);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
  insert into item select i, 0, randomblob(4000) from n`;
const SUM = "select sum(value) from item";
const set = (value: number) => `update item set value = ${value} where id % 50 = ${value}`;

async function openBoth(store: TestStore) {
  const replica = await StoreReplica.open(store, { autoVacuum: "full" });
  await replica.commit(FILL);
  // Nothing of it is in memory that a query has not asked for.
  const reader = await openReader({ ...replica.options, cacheBytes: 0, warmUp: false });
  return { replica, reader };
}

/** The transaction that a reader is at after a look, and what it says. */
async function look(reader: OpenedDatabase) {
  const failure = await reader.flush().then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  expect(integrity(reader.database)).toBe("ok");
  return { txid: (await reader.status()).txid, why: failure?.message };
}

for (const store of STORES) {
  describe.skipIf(store.problem !== undefined)(`a reader that follows ${store.name}`, () => {
    it("stays before a gap and says so, until the file comes late", async () => {
      const { replica, reader } = await openBoth(store);
      replica.change(set(1));
      await replica.commit(set(2));
      const { txid, why } = await look(reader);
      expect([txid, why]).toEqual([1n, expect.stringContaining("continues transaction 1")]);
      expect(scalar(reader.database, SUM)).toBe(0);
      await replica.put(0, 2);
      expect(await look(reader)).toEqual({ txid: 3n, why: undefined });
      expect(scalar(reader.database, SUM)).toBe(4 * 1 + 4 * 2);
    });

    it("goes on across files that straddle and overlap", async () => {
      const { replica, reader } = await openBoth(store);
      for (const value of [1, 2, 3, 4, 5]) replica.change(set(value));
      await replica.put(0, 2);
      expect(await look(reader)).toEqual({ txid: 2n, why: undefined });
      await replica.put(1, 1, 4);
      await replica.put(1, 3, 5);
      await replica.put(0, 6);
      for (const txid of [1, 2]) await replica.remove(0, txid);
      expect(await look(reader)).toEqual({ txid: 6n, why: undefined });
      expect(scalar(reader.database, SUM)).toBe(4 * (1 + 2 + 3 + 4 + 5));
    });

    it("shrinks and grows with the database", async () => {
      const { replica, reader } = await openBoth(store);
      const pages = () => scalar(reader.database, "pragma page_count") as number;
      const before = pages();
      await replica.commit("delete from item where id > 20");
      await look(reader);
      expect(pages()).toBeLessThan(before / 4);
      expect(scalar(reader.database, "select count(*) from item")).toBe(20);
      await replica.commit("insert into item select id + 1000, 0, randomblob(4000) from item");
      await replica.commit("delete from item where id < 1000");
      await look(reader);
      expect(queryOf(reader.database)("select count(*), min(id) from item")).toEqual([[20, 1001]]);
    });

    it("tells a long transaction that retention has taken what it sees", async () => {
      const { replica, reader } = await openBoth(store);
      const { database } = reader;
      database.exec("begin");
      expect(scalar(database, "select value from item where id = 1")).toBe(0);
      await replica.commit(set(1));
      await replica.commit(set(2));
      await reader.flush();
      await replica.put(9, 1, 3);
      for (const txid of [1, 2]) await replica.remove(0, txid);
      const failure = (() => {
        try {
          return scalar(database, SUM);
        } catch (error) {
          return error;
        }
      })();
      expect(resultCode(failure)).toBe("SQLITE_IOERR");
      expect(scalar(database, "pragma headwater_why")).toContain("transaction 1 were compacted");
      if (database.inTransaction) database.exec("commit");
      expect(scalar(database, SUM)).toBe(4 * 1 + 4 * 2);
    });

    it("shows another database that has taken the place of this one, and tells it", async () => {
      const { replica, reader } = await openBoth(store);
      const told: string[] = [];
      reader.on("replicaReset", ({ txid, beforeTxid }) => told.push(`${beforeTxid} to ${txid}`));
      await replica.commit(set(1));
      await look(reader);
      for (const txid of [1, 2]) await replica.remove(0, txid);
      replica.beginAnew();
      await replica.commit(`create table other(value); insert into other values (7)`);
      await look(reader);
      // As many changes of the schema have made it, which SQLite takes for the same schema.
      expect(scalar(reader.database, "select value from other")).toBe(7);
      expect(() => scalar(reader.database, SUM)).toThrow("no such table: item");
      expect(told).toEqual(["2 to 1"]);
    });
  });
}
