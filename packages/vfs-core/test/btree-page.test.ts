import { describe, expect, it } from "vitest";
import { childPages, reservedBytesOf, rootPages } from "../src/btree-page.ts";
import { seededRandom } from "./support/random.ts";
import { makeSqliteImage, pageOf, type SqliteImage } from "./support/sqlite-image.ts";

const LONG_NAME = "c".repeat(3000);

const FILL = `
  create table "a name that is rather long and fills its row of the schema" (x, y);
  create table rows(id integer primary key, body text, other text);
  create index rows_other on rows(other);
  create table words(word text primary key, n) without rowid;
  create view v as select 1;
  create trigger t after insert on words begin select 1; end;
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
    insert into rows select i, hex(zeroblob(i % 200)), 'other ' || (i * 7919 % 3001) from n;
  insert into words select other, id from rows;
  create table ${LONG_NAME}(${Array.from({ length: 300 }, (_, i) => `column_${i}`)});
`;

/** Everything that can be reached from page 1 by what the pages say. */
function walk(image: SqliteImage) {
  const pageCount = image.bytes.byteLength / image.pageSize;
  const interior = new Set<number>();
  const reached = new Set<number>();
  const enter = (pgno: number) => {
    reached.add(pgno);
    const children = childPages(pageOf(image, pgno), { pgno, pageCount });
    if (children !== undefined) interior.add(pgno);
    for (const child of children ?? []) enter(child);
  };
  enter(1);
  const schema = [...reached];
  const reservedBytes = reservedBytesOf(pageOf(image, 1))!;
  const roots = schema.flatMap((pgno) => {
    return rootPages(pageOf(image, pgno), { pgno, pageCount, reservedBytes });
  });
  for (const root of roots) enter(root);
  return { interior, reached, roots };
}

const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);

describe("b-tree pages", () => {
  for (const pageSize of [512, 1024, 4096, 65_536]) {
    it(`are what SQLite says they are, with pages of ${pageSize} bytes`, () => {
      const image = makeSqliteImage(pageSize, FILL);
      const { interior, reached, roots } = walk(image);
      const byType = (...types: string[]) =>
        image.pages.filter(({ type }) => types.includes(type)).map(({ pgno }) => pgno);
      expect(sorted(interior)).toEqual(sorted(byType("internal")));
      // A row of the schema is passed over when names alone, twice, do not fit into its page.
      const missing = image.roots.filter((root) => !roots.includes(root));
      expect(missing).toHaveLength(pageSize > 2 * LONG_NAME.length ? 0 : 1);
      expect(sorted(reached)).toEqual(
        sorted(byType("internal", "leaf")).filter((pgno) => !missing.includes(pgno)),
      );
    });
  }

  it("say nothing when they are none", () => {
    const options = { pgno: 2, pageCount: 100 };
    for (const fill of [0, 2, 5, 13, 255]) {
      const page = new Uint8Array(512).fill(fill);
      expect(childPages(page, options)).toBeUndefined();
      expect(rootPages(page, { ...options, reservedBytes: 0 })).toEqual([]);
      expect(reservedBytesOf(page)).toBeUndefined();
    }
    expect(childPages(new Uint8Array(5).fill(5), options)).toBeUndefined();
    expect(reservedBytesOf(new Uint8Array(3))).toBeUndefined();
  });

  it("never say anything but page numbers of the database, whatever is in them", () => {
    const random = seededRandom(7);
    const image = makeSqliteImage(1024, FILL);
    const pageCount = image.bytes.byteLength / image.pageSize;
    for (let round = 0; round < 30_000; round += 1) {
      const pgno = 1 + random(pageCount);
      const page = pageOf(image, pgno).slice();
      for (let change = 0; change < 1 + (round % 8); change += 1) {
        const area = random(10) < 7 ? 120 : page.length;
        page[random(area)] = random(256);
      }
      const reservedBytes = random(256);
      const told = [
        ...(childPages(page, { pgno, pageCount }) ?? []),
        ...rootPages(page, { pgno, pageCount, reservedBytes }),
      ];
      const isPage = (one: number) => Number.isInteger(one) && one >= 2 && one <= pageCount;
      expect(told.every(isPage)).toBe(true);
    }
  });
});
