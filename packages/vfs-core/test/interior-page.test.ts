import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { isInteriorPage } from "../src/interior-page.ts";
import { makeFolder } from "./support/writing.ts";

const PAGE_SIZE = 1024;

/** Tables and indexes of several levels, long keys, overflow, and pages that were freed. */
const CHANGES = `
  create table item(id integer primary key, key text, body blob);
  create index item_key on item(key);
  create table pair(a text primary key, b blob) without rowid;
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
    insert into item select i, printf('%.*c%d', i % 90, 'k', i), zeroblob(i % 40) from n;
  insert into item select 10000 + id, key || 'x', zeroblob(5000) from item where id % 100 = 0;
  insert into pair select key || id, zeroblob(id % 50) from item;
  delete from item where id between 500 and 1500;
`;

interface Page {
  readonly pgno: number;
  readonly page: Uint8Array;
  /** What SQLite says; undefined for free pages and for maps of pointers. */
  readonly type: string | undefined;
}

function pagesOf(autoVacuum: string): Page[] {
  const path = join(makeFolder(), "some.db");
  const database = new DatabaseSync(path);
  database.exec(`pragma page_size = ${PAGE_SIZE}; pragma auto_vacuum = ${autoVacuum}; ${CHANGES}`);
  const rows = database.prepare("select pageno, pagetype from dbstat").all();
  const types = new Map(rows.map(({ pageno, pagetype }) => [pageno, String(pagetype)]));
  database.close();
  const bytes = readFileSync(path);
  return Array.from({ length: bytes.length / PAGE_SIZE }, (_, index) => ({
    pgno: index + 1,
    page: bytes.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE),
    type: types.get(index + 1),
  }));
}

describe("isInteriorPage", () => {
  it.each(["none", "incremental"])("agrees with SQLite, auto_vacuum = %s", (autoVacuum) => {
    const pages = pagesOf(autoVacuum);
    const found = pages.filter(({ pgno, page }) => isInteriorPage(pgno, page, pages.length));
    const interior = pages.filter(({ pgno, type }) => pgno === 1 || type === "internal");
    expect(interior.length).toBeGreaterThan(20);
    expect(interior.filter((page) => !found.includes(page))).toEqual([]);
    const wrong = found.filter(({ pgno, type }) => pgno !== 1 && type !== "internal");
    expect(wrong.filter(({ type }) => type !== undefined)).toEqual([]);
    expect(wrong.length).toBeLessThan(interior.length / 10);
  });

  it("takes no page for one that leads out of the database, or to itself", () => {
    const page = new Uint8Array(PAGE_SIZE);
    page.set([5, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 40]);
    expect(isInteriorPage(7, page, 40)).toBe(true);
    expect(isInteriorPage(7, page, 39)).toBe(false);
    expect(isInteriorPage(40, page, 40)).toBe(false);
    page.set([0xff, 0xff], 3);
    expect(isInteriorPage(7, page, 40)).toBe(false);
  });
});
