/**
 * Every method of better-sqlite3, as its documentation describes it, on a mount and on an ordinary
 * file: both must do the same.
 */

import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { dump } from "./support/dump.ts";
import { openWriter } from "./support/mounts.ts";
import { tempDir } from "./support/temp-dir.ts";

type Scenario = (db: Database.Database) => unknown;

const SETUP = `
  create table cat(id integer primary key, name text unique, age integer, weight real, photo blob);
  insert into cat values (1, 'Joey', 2, 3.5, x'0102'), (2, 'Sally', 4, null, null),
    (3, 'Junior', 1, 1.25, zeroblob(3))`;

/** What an error says, but for the names of files. */
function outcomeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string };
    return { name, code, message };
  }
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "run() tells changes and the last row id": (db) => [
    db.prepare("insert into cat(name) values (?)").run("Max"),
    db.prepare("update cat set age = age + 1 where age > ?").run(1),
    db.prepare("delete from cat where name = $name").run({ name: "Nobody" }),
  ],
  "run() refuses statements that return data only by get() and all()": (db) => [
    outcomeOf(() => db.prepare("insert into cat(name) values ('a') returning id").run()),
    db.prepare("insert into cat(name) values ('b') returning id, name").get(),
    db.prepare("update cat set age = 9 returning name").all(),
  ],
  "constraints are named": (db) => [
    outcomeOf(() => db.exec("insert into cat(name) values ('Joey')")),
    outcomeOf(() => db.exec("insert into nowhere values (1)")),
    outcomeOf(() => db.prepare("select * from cat where").get()),
    db.prepare("select count(*) from cat").pluck().get(),
  ],
  "get(), all(), iterate(), pluck(), expand(), raw(), columns()": (db) => [
    db.prepare("select * from cat where id = ?").get(1),
    db.prepare("select * from cat where id = ?").get(99),
    db.prepare("select name from cat order by id").pluck().all(),
    [...db.prepare("select id, name from cat order by id desc").iterate()],
    db.prepare("select a.name, b.age from cat a join cat b on a.id = b.id").expand().get(),
    db.prepare("select * from cat").raw().all(),
    db.prepare("select id, name as n, age + 1 from cat").columns(),
  ],
  "iterate() may be left early, and keeps others from writing meanwhile": (db) => {
    const seen: unknown[] = [];
    for (const row of db.prepare("select name from cat").pluck().iterate()) {
      seen.push(
        row,
        outcomeOf(() => db.exec("delete from cat")),
      );
      break;
    }
    return [seen, db.prepare("delete from cat").run()];
  },
  "bind(), readonly, reader, source, busy, database": (db) => {
    const bound = db.prepare("select ? + ?").pluck().bind(1, 2);
    const { readonly, reader, source, busy } = bound;
    return [bound.get(), outcomeOf(() => bound.get(3)), readonly, reader, source, busy];
  },
  "parameters by name and by place, missing and too many": (db) => [
    db.prepare("select :a, @b, $c").raw().get({ a: 1, b: "2", c: null }),
    db.prepare("select ?, ?, @x").raw().get(1, 2, { x: 3 }),
    outcomeOf(() => db.prepare("select ?").get()),
    outcomeOf(() => db.prepare("select ?").get(1, 2)),
    outcomeOf(() => db.prepare("select ?").get({})),
    outcomeOf(() => db.prepare("select ?").get(Symbol("s") as never)),
  ],
  "64-bit integers": (db) => {
    const big = 9_007_199_254_740_993n;
    db.prepare("update cat set age = ? where id = 1").run(big);
    const statement = db.prepare("select age from cat where id = 1").pluck();
    return [
      outcomeOf(() => statement.get()),
      statement.safeIntegers().get(),
      db.defaultSafeIntegers().prepare("select 1").pluck().get(),
    ];
  },
  "transaction() commits, rolls back, nests, and knows its modes": (db) => {
    const insert = db.prepare("insert into cat(name) values (?)");
    const all = db.transaction((names: readonly string[]) => {
      for (const name of names) insert.run(name);
      return names.length;
    });
    const outer = db.transaction(() => {
      insert.run("outer");
      const inner = outcomeOf(() => all(["x", "Joey"]));
      return [inner, db.inTransaction];
    });
    return [
      all(["a", "b"]),
      all.immediate(["c"]),
      all.exclusive(["d"]),
      all.deferred(["e"]),
      outcomeOf(() => all(["f", "a"])),
      outer(),
      db.inTransaction,
      db.prepare("select group_concat(name) from cat").pluck().get(),
    ];
  },
  "savepoints and explicit transactions": (db) => {
    db.exec("begin; insert into cat(name) values ('a'); savepoint s; delete from cat");
    db.exec("rollback to s; release s");
    const inside = db.inTransaction;
    db.exec("commit");
    return [inside, db.inTransaction, db.prepare("select count(*) from cat").pluck().get()];
  },
  "pragma() with and without simple": (db) => [
    db.pragma("user_version = 5"),
    db.pragma("user_version", { simple: true }),
    db.pragma("table_info(cat)"),
    db.pragma("foreign_key_check"),
    db.pragma("integrity_check", { simple: true }),
  ],
  "function(), aggregate() and table()": (db) => {
    db.function("twice", { deterministic: true }, (value) => Number(value) * 2);
    db.aggregate("longest", {
      start: "",
      step: (best: string, next: string) => (next.length > best.length ? next : best),
    });
    db.table("numbers", {
      columns: ["value"],
      parameters: ["count"],
      *rows(count: unknown) {
        for (let value = 0; value < Number(count); value += 1) yield [value];
      },
    });
    db.exec("create index cat_twice on cat(age) where age > 1");
    return [
      db.prepare("select twice(age) from cat order by id").pluck().all(),
      db.prepare("select longest(name) from cat").pluck().get(),
      db.prepare("insert into cat(name) select 'n' || value from numbers(3)").run(),
      outcomeOf(() => db.prepare("select nosuch(1)")),
    ];
  },
  "a function that writes to its own connection is refused": (db) => {
    db.function("writes", () => db.exec("delete from cat") as never);
    return outcomeOf(() => db.prepare("select writes()").get());
  },
  "unsafeMode()": (db) => {
    db.unsafeMode();
    const seen: unknown[] = [];
    for (const id of db.prepare("select id from cat").pluck().iterate()) {
      seen.push(db.prepare("update cat set age = 0 where id = ?").run(id).changes);
    }
    db.unsafeMode(false);
    return seen;
  },
  "exec() runs many statements and stops at the first that fails": (db) => [
    outcomeOf(() =>
      db.exec("insert into cat(name) values ('a'); select * from no; delete from cat"),
    ),
    db.prepare("select count(*) from cat").pluck().get(),
  ],
  "temp tables, views, triggers, and a schema that changes under a statement": (db) => {
    const statement = db.prepare("select * from cat where id = 1");
    db.exec(
      "create temp table t(a); insert into t values (1); create view v as select name from cat",
    );
    db.exec("alter table cat add column color text default 'grey'");
    return [statement.get(), db.prepare("select * from v, t").all()];
  },
  "open, memory, readonly, inTransaction": (db) => [
    db.open,
    db.memory,
    db.readonly,
    db.inTransaction,
  ],
  "close() twice, and what is refused afterwards": (db) => {
    const statement = db.prepare("select 1");
    db.close();
    db.close();
    return [db.open, outcomeOf(() => statement.get()), outcomeOf(() => db.prepare("select 1"))];
  },
};

/** Runs it, and gives what it gave and what is in the database afterwards. */
async function play(db: Database.Database, scenario: Scenario): Promise<unknown> {
  db.exec(SETUP);
  const result = scenario(db);
  return { result, content: db.open ? await dump(db.defaultSafeIntegers(false)) : undefined };
}

describe("a mount that writes", () => {
  it.each(Object.keys(SCENARIOS))("%s", async (name) => {
    const scenario = SCENARIOS[name] as Scenario;
    const plain = new Database(join(tempDir(), "plain.db"));
    const expected = await play(plain, scenario);
    plain.close();
    const { database } = await openWriter({ url: `file://${tempDir()}/app.db` });
    expect(await play(database, scenario)).toEqual(expected);
  });

  it("is what its options say", async () => {
    const url = `file://${tempDir()}/app.db`;
    const said: unknown[] = [];
    const writer = await openWriter({ url, databaseOptions: { verbose: (sql) => said.push(sql) } });
    writer.database.exec(SETUP);
    writer.database.prepare("select 1 where 2 = ?").get(3);
    expect(said.at(-1)).toBe("select 1 where 2 = 3.0");
    const reader = new Database(writer.filename, { readonly: true, timeout: 50 });
    expect([reader.readonly, reader.name]).toEqual([true, writer.filename]);
    expect(outcomeOf(() => reader.exec("delete from cat"))).toMatchObject({
      code: "SQLITE_READONLY",
    });
    reader.close();
  });
});
