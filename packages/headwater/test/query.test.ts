import { describe, expect, it, vi } from "vitest";
import { headwater, headwaterJson } from "./support/headwater.ts";
import { folders, s3 } from "./support/places.ts";
import { openWriter } from "./support/writer.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

describe.each([folders, await s3("ceph", "headwater query")])("on $name", ({ problem, make }) => {
  it.runIf(problem === undefined)("shows rows as a table, as JSON, and as they were", async () => {
    const place = make();
    const writer = await openWriter(place);
    writer.database.exec(`create table t(n, body);
      insert into t values (1, 'one'), (9007199254740993, null), (2.5, x'00ff'),
        (3, 'a' || char(27) || 'b')`);
    const before = await writer.flush();
    writer.database.exec("delete from t");
    await writer.flush();
    await writer.close();
    const then = ["--at", `${before}`];
    const table = await headwater(["query", ...then, place.url, "select * from t"], place);
    expect([table.code, table.stderr]).toEqual([0, ""]);
    expect(table.stdout.split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["n", "body"],
      ["1", "one"],
      ["9007199254740993", "NULL"],
      ["2.5", "x'00ff'"],
      // What would move the cursor is shown, not done.
      ["3", "a\\x1bb"],
      ["4 rows"],
      [""],
    ]);
    const rows = await headwaterJson(["query", ...then, place.url, "select * from t"], place);
    expect(rows).toEqual([
      { n: 1, body: "one" },
      { n: "9007199254740993", body: null },
      { n: 2.5, body: { base64: "AP8=" } },
      { n: 3, body: "a\u001bb" },
    ]);
    const now = ["query", place.url, "-"];
    const { stdout } = await headwater(now, { ...place, input: "select count(*) as c from t" });
    expect(stdout).toBe("c\n0\n1 row\n");
  });
});

describe("headwater query", () => {
  it("takes one statement, and passes over no other", async () => {
    const place = folders.make();
    const writer = await openWriter(place);
    writer.database.exec("create table t(n); insert into t values (1)");
    await writer.close();
    for (const sql of [
      "select n from t; select 2",
      "select n from t;;/* a */ select 2 /* b */",
      "select n from t; -- a\nselect 2",
    ]) {
      const { code, stdout, stderr } = await headwater(["query", place.url, sql]);
      expect([code, stdout], sql).toEqual([2, ""]);
      expect(stderr).toContain("a query is one statement");
    }
    const sql = "select n from t; ; /* over */\n-- done; select 2";
    const { code, stdout } = await headwater(["query", place.url, sql]);
    expect([code, stdout]).toEqual([0, "n\n1\n1 row\n"]);
  });

  it("keeps columns of one name apart", async () => {
    const place = folders.make();
    const writer = await openWriter(place);
    writer.database.exec("create table t(n); insert into t values (1)");
    await writer.close();
    const sql = 'select n, n + 1 as n, n + 2 as "n:1", n + 3 as n from t';
    const rows = await headwaterJson(["query", place.url, sql]);
    expect(rows).toEqual([{ n: 1, "n:1": 2, "n:1:1": 3, "n:2": 4 }]);
  });

  it("only reads, and says what SQLite says in one sentence", async () => {
    const place = folders.make();
    const writer = await openWriter(place);
    writer.database.exec("create table t(n)");
    await writer.close();
    for (const [sql, words] of [
      ["insert into t values (1)", "a query can only read"],
      ["select * from absent", "no such table: absent"],
      ["selec", "syntax error"],
    ] as const) {
      const { code, stdout, stderr } = await headwater(["query", place.url, sql]);
      expect([code, stdout, stderr.split("\n").length]).toEqual([1, "", 2]);
      expect(stderr).toContain(words);
    }
  });
});
