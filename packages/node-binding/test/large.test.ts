/**
 * Databases past the first gigabyte, where SQLite has a page that it never uses.
 */

import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { integrity, scalar } from "./support/dump.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { tempDir } from "./support/temp-dir.ts";

const GIB = 1024 ** 3;
const BLOB = 380_000_000;
const SUM = "select sum(length(data)), group_concat(id) from large";

describe("a database past one gigabyte", () => {
  it.each([65_536, 4096])(
    "is written, read and grown again around its lock page, in pages of %i bytes",
    async (pageSize) => {
      const root = tempDir();
      const url = `file://${root}`;
      const lockPage = GIB / pageSize + 1;
      const writer = await openWriter({ url });
      const { database } = writer;
      database.pragma(`page_size = ${pageSize}`);
      database.exec("create table large(id integer primary key, data); create table small(text)");
      for (let i = 0; i < 3; i += 1)
        database.exec(`insert into large(data) values (zeroblob(${BLOB}))`);
      database.exec("insert into small values ('beyond')");
      expect(Number(scalar(database, "pragma page_count"))).toBeGreaterThan(lockPage);
      await writer.flush();
      database.exec(
        "insert into large(data) values (zeroblob(1000000)); update small set text = 'after'",
      );
      expect(integrity(database)).toBe("ok");
      await writer.close();
      const path = join(tempDir(), "image.db");
      const reader = await openReader({ url, hydrate: { path } });
      expect(scalar(reader.database, "select text from small")).toBe("after");
      expect(scalar(reader.database, SUM)).toBe(3 * BLOB + 1_000_000);
      expect(integrity(reader.database)).toBe("ok");
      await reader.hydrated();
      await reader.close();
      const image = new Database(path, { readonly: true });
      expect(integrity(image)).toBe("ok");
      image.close();
    },
    120_000,
  );
});
