import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { bareMount } from "../support/bare-mount.ts";
import { tempDir } from "../support/temp-dir.ts";

describe("locking_mode=EXCLUSIVE", () => {
  it("commits what follows a rollback that had spilled", () => {
    const mount = bareMount(tempDir());
    const database = mount.open();
    database.pragma("page_size = 512");
    database.pragma("cache_size = 10");
    database.exec("create table t(a integer primary key, b text)");
    const insert = database.prepare("insert into t(b) values (?)");
    database.transaction(() => {
      for (let i = 0; i < 500; i += 1) insert.run("x".repeat(200));
    })();
    database.pragma("locking_mode = exclusive");
    database.exec("begin; update t set b = b || 'yyy'; rollback; update t set b = 'n' where a < 5");
    const other = mount.open();
    expect(other.prepare("select count(*) from t where b = 'n'").pluck().get()).toBe(4);
    expect(other.pragma("integrity_check", { simple: true })).toBe("ok");
    mount.close();
  });

  it("gives no WAL to a mount that is attached", () => {
    const folder = tempDir();
    const [main, attached] = [bareMount(folder), bareMount(folder)];
    const plain = new Database(join(folder, "plain.db"));
    for (const database of [main.open(), plain]) {
      database.exec(`attach '${attached.filename}' as other`);
      database.pragma("locking_mode = exclusive");
      database.exec("create table if not exists other.t(a)");
      database.pragma("other.journal_mode = wal");
      database.exec("insert into other.t values (1)");
      expect(database.prepare("select count(*) from other.t").pluck().get()).toBeGreaterThan(0);
      database.close();
    }
    attached.close();
    main.close();
  });
});
