import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { native } from "../../src/native.ts";
import { bareMount } from "../support/bare-mount.ts";
import { tempDir } from "../support/temp-dir.ts";

describe("a commit that shrinks the database", () => {
  it.each(["delete from t where a > 10", "delete from t where a > 10; vacuum"])(
    "is visible and recovered with its new size: %s",
    (statements) => {
      const folder = tempDir();
      const mount = bareMount(folder);
      const database = mount.open();
      database.pragma("auto_vacuum = full");
      database.exec("create table t(a integer primary key, b blob)");
      database.exec(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 300) " +
          "insert into t select i, randomblob(900) from n",
      );
      const before = native.mountState(mount.id).pageCount;
      database.exec(statements);
      const { pageCount } = native.mountState(mount.id);
      expect(pageCount).toBeLessThan(before);
      expect(mount.open().prepare("select count(*) from t").pluck().get()).toBe(10);
      const copy = join(folder, "segment");
      copyFileSync(join(folder, `${mount.filename.slice(5).split("?")[0]}.journal`), copy);
      mount.close();

      const again = bareMount(folder, [copy]);
      expect(again.recovered?.pageCount).toBe(pageCount);
      expect(again.open().pragma("integrity_check", { simple: true })).toBe("ok");
      expect(again.open().prepare("select count(*) from t").pluck().get()).toBe(10);
      again.close();
    },
  );
});
