import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findDifference } from "../support/database-file.ts";
import { dump, findDumpDifference, integrity, scalar } from "../support/dump.ts";
import { eventually } from "../support/eventually.ts";
import { Litestream, litestreamProblem } from "../support/litestream.ts";
import { openReader } from "../support/mounts.ts";
import { azureStore, fileStore, gcsStore, s3Store } from "../support/stores.ts";
import { tempDir } from "../support/temp-dir.ts";

/** One transaction of the replica each. */
const HISTORY = [
  `create table notes(id integer primary key, body text, size real);
   create index notes_body on notes(body);
   insert into notes(body, size) values ('first', 1.5)`,
  `with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
   insert into notes(body, size) select printf('note %d %.*c', i, i % 90, 'x'), i / 7.0 from n`,
  "update notes set body = body || '!' where id % 3 = 0; delete from notes where id % 7 = 0",
  `create table blobs(name text primary key, data blob) without rowid;
   insert into blobs values ('zeros', zeroblob(300000)), ('null', null), ('text', x'0001fe');
   alter table notes add column tag text default 'none'`,
  `begin; update notes set tag = 'a' where id < 500; savepoint s; delete from notes; rollback to s;
   insert into notes(body) values ('last'); commit; drop index notes_body`,
];

const problem = litestreamProblem();
const part = "reading on servers what Litestream writes";

const STORES = [
  fileStore,
  await s3Store("ceph", part),
  await azureStore(part),
  await gcsStore(part),
];

describe.each(STORES)("what Litestream writes to $name", (store) => {
  const runs = problem === undefined && store.problem === undefined;
  const suffix = problem === undefined ? "" : ` (not run: ${problem})`;

  it.runIf(runs)(`is read row by row${suffix}`, async () => {
    const place = store.place();
    const litestream = new Litestream({ ...place.litestream, write: true });
    for (const sql of HISTORY) await litestream.write(sql);
    await litestream.open();
    const expected = await litestream.dump();
    const { database, status } = await openReader(place.options);
    expect(findDumpDifference(await dump(database), expected)).toBeUndefined();
    expect(integrity(database)).toBe("ok");
    expect(database.pragma("page_count", { simple: true })).toBe(
      await litestream.value("pragma page_count"),
    );
    expect((await status()).txid).toBe(BigInt(HISTORY.length));
  });

  it.runIf(runs)(`hydrates to the same file${suffix}`, async () => {
    const place = store.place();
    const writer = new Litestream({ ...place.litestream, write: true });
    for (const sql of HISTORY) await writer.write(sql);
    const reader = new Litestream({ ...place.litestream, hydrate: true });
    await reader.open();
    const theirs = await reader.hydratedCopy();
    const ours = join(tempDir(), "hydrated.db");
    const opened = await openReader({ ...place.options, hydrate: { path: ours } });
    await opened.hydrated();
    expect(findDumpDifference(await dump(opened.database), await reader.dump())).toBeUndefined();
    await opened.close();
    expect(findDifference(theirs, ours)).toBeUndefined();
  });

  it.runIf(runs)(`is followed while it goes on writing${suffix}`, async () => {
    const place = store.place();
    const litestream = new Litestream({
      ...place.litestream,
      write: true,
      syncInterval: "50ms",
    });
    await litestream.write(
      `create table accounts(id integer primary key, balance integer);
       with recursive n(i) as (select 1 union all select i + 1 from n where i < 200)
       insert into accounts select i, 100 from n;
       create table steps(step integer); insert into steps values (0)`,
    );
    const { database } = await openReader({ ...place.options, pollIntervalMs: 50 });
    const step = () => Number(scalar(database, "select step from steps"));
    const sum = () => scalar(database, "select sum(balance) from accounts");
    await litestream.open();
    for (let i = 1; i <= 40; i += 1) {
      await litestream.exec(
        `begin; update accounts set balance = balance - 7 where id = ${i};
         update accounts set balance = balance + 7 where id = ${201 - i};
         update steps set step = ${i}; commit`,
      );
      expect(sum()).toBe(20_000);
      if (i % 10 !== 0) continue;
      await eventually(`step ${i}`, () => (step() >= i ? true : undefined));
      expect(sum()).toBe(20_000);
    }
    await litestream.close();
    await litestream.write(
      `with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
       insert into accounts(balance) select 0 from n; update steps set step = 41`,
    );
    await eventually("step 41", () => (step() === 41 ? true : undefined));
    expect(sum()).toBe(20_000);
    expect(integrity(database)).toBe("ok");
  });
});
