import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { findDifference } from "../support/database-file.ts";
import { dump, findDumpDifference, integrity, scalar } from "../support/dump.ts";
import { eventually } from "../support/eventually.ts";
import { Litestream, litestreamProblem } from "../support/litestream.ts";
import { openReader, openWriter } from "../support/mounts.ts";
import { azureStore, fileStore, gcsStore, type Place, s3Store } from "../support/stores.ts";
import { tempDir } from "../support/temp-dir.ts";

const GROW = `
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
  insert into notes(body, size)
    select printf('%d %.*c', i, (i * 31) % 200, 'y'), i * 0.5 from n`;

/** Each ends in an upload, after which Litestream must see the same database. */
const PHASES: readonly (readonly [name: string, ...sql: string[]])[] = [
  [
    "created",
    "create table notes(id integer primary key, body text, size real)",
    "create index notes_body on notes(body)",
    "insert into notes(body) values ('first'), (null), ('')",
  ],
  ["grown", GROW, "create table blobs(data)", "insert into blobs values (zeroblob(200000))"],
  [
    "shrunk",
    "delete from notes where id % 10 <> 0",
    "drop table blobs",
    "vacuum",
    "update notes set size = -size",
  ],
  ["grown again", GROW, "create unique index notes_id on notes(id, size)"],
];

const problem = litestreamProblem();
const part = "Litestream reading on servers what is written";

const STORES = [
  fileStore,
  await s3Store("ceph", part),
  await azureStore(part),
  await gcsStore(part),
];

describe.each(STORES)("Litestream on $name", (store) => {
  const runs = problem === undefined && store.problem === undefined;
  const suffix = problem === undefined ? "" : ` (not run: ${problem})`;

  it.runIf(runs).each([512, 1024, 4096, 8192, 65_536])(
    `reads and hydrates what is written in pages of %i bytes${suffix}`,
    async (pageSize) => {
      const place = store.place();
      const writer = await openWriter(place.options);
      writer.database.pragma(`page_size = ${pageSize}`);
      const litestream = new Litestream({ ...place.litestream, hydrate: true });
      const sizes: number[] = [];
      for (const [phase, ...statements] of PHASES) {
        for (const sql of statements) writer.database.exec(sql);
        sizes.push(Number(scalar(writer.database, "pragma page_count")));
        await writer.flush();
        await litestream.open();
        const expected = await dump(writer.database);
        expect(findDumpDifference(await litestream.dump(), expected), phase).toBeUndefined();
        expect(withoutStalePages(await litestream.integrity()), phase).toBe("ok");
        expect(await litestream.value("pragma page_size")).toBe(pageSize);
        await checkHydration(place, litestream, expected, phase);
        // Its view once the local file is complete.
        expect(
          findDumpDifference(await litestream.dump(), expected),
          `${phase}, hydrated`,
        ).toBeUndefined();
        await litestream.close();
      }
      const [created = 0, grown = 0, shrunk = 0, grownAgain = 0] = sizes;
      expect([created < grown, shrunk < grown, shrunk < grownAgain]).toEqual([true, true, true]);
    },
  );

  it.runIf(runs)(`follows while we go on writing${suffix}`, async () => {
    const place = store.place();
    const writer = await openWriter({ ...place.options, syncIntervalMs: 50 });
    const { database } = writer;
    database.exec(`
      create table accounts(id integer primary key, balance integer);
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 200)
      insert into accounts select i, 100 from n;
      create table steps(step integer); insert into steps values (0)`);
    await writer.flush();
    const litestream = new Litestream(place.litestream);
    await litestream.open();
    const transfer = database.transaction((i: number) => {
      database.exec(`update accounts set balance = balance - 7 where id = ${i}`);
      database.exec(`update accounts set balance = balance + 7 where id = ${201 - i}`);
      database.exec(`insert into accounts(balance) select 0 from accounts limit 20`);
      database.exec(`update steps set step = ${i}`);
    });
    for (let i = 1; i <= 40; i += 1) {
      transfer(i);
      expect(await litestream.value("select sum(balance) from accounts")).toBe(20_000);
      if (i % 10 !== 0) continue;
      await eventually(`step ${i}`, async () =>
        (await litestream.value("select step from steps")) === i ? true : undefined,
      );
      expect(await litestream.value("select sum(balance) from accounts")).toBe(20_000);
      expect(await litestream.value("select count(*) from accounts")).toBe(200 + 20 * i);
    }
    expect(await litestream.integrity()).toBe("ok");
    expect(findDumpDifference(await litestream.dump(), await dump(database))).toBeUndefined();
  });

  it.runIf(runs)(`writes on where we stopped, and we where it stopped${suffix}`, async () => {
    const place = store.place();
    for (let turn = 1; turn <= 3; turn += 1) {
      const ours = await openWriter(place.options);
      ours.database.exec("create table if not exists turns(id integer primary key, who text)");
      ours.database.exec("insert into turns(who) values ('headwater')");
      await ours.close();
      const theirs = new Litestream({ ...place.litestream, write: true });
      await theirs.write("insert into turns(who) values ('litestream')");
      await theirs.end();
    }
    const { database } = await openReader(place.options);
    expect(scalar(database, "select group_concat(who, ' ') from turns")).toBe(
      "headwater litestream headwater litestream headwater litestream",
    );
    expect(integrity(database)).toBe("ok");
  });
});

/**
 * Litestream counts pages that the database had once and lost since. It serves the right rows, and
 * integrity_check finds those pages useless.
 */
function withoutStalePages(text: string): string {
  const lines = text.split("\n").filter((line) => !/^Page \d+: never used$/.test(line));
  return lines.join("\n") === "*** in database main ***" ? "ok" : lines.join("\n");
}

/** Its local file is a sound database with the same rows, and ours has the same bytes. */
async function checkHydration(
  place: Place,
  litestream: Litestream,
  expected: string,
  phase: string,
): Promise<void> {
  const path = join(tempDir(), "hydrated.db");
  const opened = await openReader({ ...place.options, hydrate: { path } });
  await opened.hydrated();
  await opened.close();
  const theirs = await litestream.hydratedCopy();
  expect(findDifference(theirs, path), phase).toBeUndefined();
  const database = new Database(theirs);
  expect(integrity(database), phase).toBe("ok");
  expect(findDumpDifference(await dump(database), expected), phase).toBeUndefined();
  database.close();
}
