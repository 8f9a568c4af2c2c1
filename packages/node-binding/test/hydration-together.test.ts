/**
 * A local image beside everything else that goes on: a first write from a cold start, a writer that
 * never rests, compaction, snapshots and retention. On folders, and on a real server where there is
 * one.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { OpenedDatabase } from "../src/index.ts";
import { integrity, queryOf, scalar } from "./support/dump.ts";
import { eventually } from "./support/eventually.ts";
import { Litestream, litestreamProblem } from "./support/litestream.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { fileStore, type Place, s3Store, type TestStore } from "./support/stores.ts";
import { tempDir } from "./support/temp-dir.ts";

const part = "hydration beside everything else";
const STORES: readonly TestStore[] = [
  fileStore,
  await s3Store("ceph", part),
  await s3Store("miniflare", part),
];

/** Twenty megabytes that do not compress. */
const ROWS = 5000;
const BYTES = ROWS * 4000;
const FILL = `
  create table item(id integer primary key, body);
  create table log(id integer primary key, note);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
  insert into item(body) select randomblob(3900) from n`;
const LENGTH = "select sum(length(body)) from item";

/** So slow that there is time for everything that has to come before its end. */
const SLOW = 4_000_000;

/** Compaction, snapshots and retention within a test's time. */
const SOON = {
  levelIntervalsMs: [200, 600, 1200],
  snapshotIntervalMs: 1500,
  snapshotRetentionMs: 4000,
  level0RetentionMs: 3000,
  retentionIntervalMs: 200,
};

async function bytesFetched({ status }: OpenedDatabase): Promise<number> {
  const { requests } = await status();
  return requests.get?.bytesRead ?? 0;
}

async function untilHydrated({ status }: OpenedDatabase): Promise<void> {
  await eventually(
    "hydration",
    async () => ((await status()).hydration?.done === true ? true : undefined),
    60_000,
  );
}

/** What Litestream makes of the same bucket, where it can run; it does not open R2 as miniflare. */
async function expectAsLitestream(path: string, { litestream }: Place, { name }: TestStore) {
  if (litestreamProblem() !== undefined || name.includes("miniflare")) return;
  const other = new Litestream({ ...litestream, hydrate: true });
  await other.open();
  const restored = await other.hydratedCopy();
  expect(Buffer.compare(readFileSync(path), readFileSync(restored))).toBe(0);
  await other.end();
}

/** What a reader with no image makes of it. */
async function expectAsReader(path: string, { options }: Place): Promise<void> {
  const copy = join(tempDir(), "copy.db");
  const reader = await openReader({ ...options, name: "plain.db", hydrate: { path: copy } });
  await reader.hydrated();
  expect(integrity(reader.database)).toBe("ok");
  await reader.close();
  expect(Buffer.compare(readFileSync(path), readFileSync(copy))).toBe(0);
}

for (const store of STORES) {
  describe.skipIf(store.problem !== undefined)(
    `a first write from a cold start, ${store.name}`,
    () => {
      it("needs next to nothing of the database, and the image has it in the end", async () => {
        const place = store.place();
        const maker = await openWriter(place.options);
        maker.database.exec(FILL);
        const madeTxid = await maker.flush();
        await maker.close();
        const path = join(tempDir(), "image.db");
        const hydrate = { path, bytesPerSecondMax: SLOW };
        const writer = await openWriter({ ...place.options, hydrate });
        const { database, flush, status } = writer;
        database.exec("insert into log(note) values ('first')");
        expect(await bytesFetched(writer)).toBeLessThan(BYTES / 4);
        expect(await flush()).toBe(madeTxid + 1n);
        expect((await status()).hydration).toMatchObject({ done: false });
        const other = await openReader({ ...place.options, name: "other.db" });
        expect(scalar(other.database, "select note from log")).toBe("first");
        const old = new Database(writer.filename);
        old.exec("begin");
        const seen = queryOf(old)("select * from log");
        for (let round = 0; (await status()).hydration?.done !== true && round < 20; round += 1) {
          database.exec(`insert into log(note) values ('round ${round}')`);
          expect(old.open ? queryOf(old)("select * from log") : seen).toEqual(seen);
          if (round === 5) old.close();
          if (round > 5)
            database.exec(`update item set body = randomblob(3900) where id = ${round}`);
          await flush();
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
        old.close();
        await untilHydrated(writer);
        expect(scalar(database, LENGTH)).toBe(ROWS * 3900);
        database.exec("insert into log(note) values ('last'); delete from item where id > 4000");
        await flush();
        await untilHydrated(writer);
        const rows = queryOf(database)("select * from log");
        await writer.close();
        await expectAsLitestream(path, place, store);
        await expectAsReader(path, place);
        const again = await openReader({ ...place.options, name: "again.db", hydrate: { path } });
        await again.hydrated();
        expect(queryOf(again.database)("select * from log")).toEqual(rows);
        expect(await bytesFetched(again)).toBeLessThan(BYTES / 4);
      }, 120_000);
    },
  );
}

for (const store of STORES.slice(0, 2)) {
  describe.skipIf(store.problem !== undefined)(`a busy writer, ${store.name}`, () => {
    it("is followed by an image, through snapshots and compactions", async () => {
      const place = store.place();
      const writer = await openWriter({ ...place.options, syncIntervalMs: 50, compaction: SOON });
      const { database } = writer;
      database.exec(FILL.replace(`${ROWS}`, "1000"));
      await writer.flush();
      const path = join(tempDir(), "image.db");
      const reader = await openReader({ ...place.options, hydrate: { path }, pollIntervalMs: 50 });
      const paid = "select count(*), sum(note) from log";
      const end = performance.now() + 8000;
      let doneCount = 0;
      for (let round = 0; performance.now() < end; round += 1) {
        // Two rows at a time, which cancel each other out.
        database.exec(`
          begin;
          insert into log(note) values (${round}), (-${round});
          update item set body = randomblob(3900) where id % 50 = ${round % 50};
          commit`);
        reader.database.exec("begin");
        const [[count, sum]] = queryOf(reader.database)(paid) as [[number, number | null]];
        expect(sum ?? 0).toBe(0);
        await new Promise((resolve) => setTimeout(resolve, 40));
        expect(scalar(reader.database, LENGTH)).toBe(1000 * 3900);
        expect(queryOf(reader.database)(paid)).toEqual([[count, sum]]);
        reader.database.exec("commit");
        if ((await reader.status()).hydration?.done === true) doneCount += 1;
      }
      expect(doneCount).toBeGreaterThan(0);
      const txid = await writer.flush();
      await reader.waitForTxid(txid);
      await untilHydrated(reader);
      const { jobs } = (await writer.status()).compaction!;
      for (const { name, fileCount } of jobs) expect(fileCount, name).toBeGreaterThan(1);
      expect(integrity(reader.database)).toBe("ok");
      expect((await reader.status()).hydration).toMatchObject({ done: true, error: undefined });
      await reader.close();
      await writer.close();
      await expectAsLitestream(path, place, store);
      await expectAsReader(path, place);
    }, 120_000);
  });
}
