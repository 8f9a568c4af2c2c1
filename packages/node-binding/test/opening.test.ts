import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { scalar } from "./support/dump.ts";
import { within } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { tempDir } from "./support/temp-dir.ts";

const ROWS = 20_000;

/** Two b-trees of three levels. */
async function makeReplica(): Promise<string> {
  const url = `file://${tempDir()}/app.db`;
  const writer = await openWriter({ url });
  writer.database.exec(`
    create table items(id integer primary key, name text, body blob);
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
      insert into items select i, 'item ' || (i * 7919 % 20011), randomblob(900) from n;
    create index items_name on items(name);
  `);
  await writer.close();
  return url;
}

describe("opening", () => {
  it("warms up, so that a look-up by an index then misses its leaves alone", async () => {
    const url = await makeReplica();
    const reader = await openReader({ url });
    const warm = async () => {
      while (!(await reader.status()).warmUp?.done) await new Promise(setImmediate);
    };
    await within("warm-up", warm(), 20_000);
    // So that SQLite has read the schema.
    expect(scalar(reader.database, "select count(*) from sqlite_schema")).toBe(2);
    const gets = async () => (await reader.status()).requests.get?.calls ?? 0;
    const before = await gets();
    const name = `item ${(12_345 * 7919) % 20_011}`;
    expect(scalar(reader.database, `select id from items where name = '${name}'`)).toBe(12_345);
    expect(scalar(reader.database, "select length(body) from items where id = 7777")).toBe(900);
    expect((await gets()) - before).toBeLessThanOrEqual(2);
    await reader.close();
  });

  it("does without warm-up and second requests when it is told to", async () => {
    const reader = await openReader({ url: await makeReplica(), warmUp: false, hedge: false });
    expect(scalar(reader.database, "select count(*) from items")).toBe(ROWS);
    const { warmUp, hedging, indexCache } = await reader.status();
    expect([warmUp, hedging, indexCache]).toEqual([undefined, undefined, undefined]);
    await reader.close();
  });

  it("keeps indexes for the next time in the folder that it is given", async () => {
    const url = await makeReplica();
    const indexCacheDir = join(tempDir(), "indexes");
    const open = async () => {
      const reader = await openReader({ url, indexCacheDir });
      expect(scalar(reader.database, "select count(*) from items")).toBe(ROWS);
      const { indexCache } = await reader.status();
      await reader.close();
      return indexCache!;
    };
    const { missCount, ...first } = await open();
    expect(missCount).toBeGreaterThan(0);
    expect(first).toEqual({ hitCount: 0, lastError: undefined });
    expect(await open()).toEqual({ hitCount: missCount, missCount: 0, lastError: undefined });
  });
});
