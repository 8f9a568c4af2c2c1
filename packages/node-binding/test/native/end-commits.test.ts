/** A mount that takes no COMMIT any more, not even that of a transaction that is open. */

import { describe, expect, it } from "vitest";
import { native } from "../../src/native.ts";
import { bareMount } from "../support/bare-mount.ts";
import { scalar } from "../support/dump.ts";
import { errorOf, extendedCode } from "../support/result-code.ts";
import { tempDir } from "../support/temp-dir.ts";

const ADD = "insert into t values (1)";
const COUNT = "select count(*) from t";

describe.each(["endCommits", "mountClose"] as const)("after %s", (end) => {
  it.each(["normal", "exclusive"])("a COMMIT fails, with locking_mode=%s", (locking) => {
    const mount = bareMount(tempDir());
    const database = mount.open();
    database.exec("create table t(a)");
    database.pragma(`locking_mode = ${locking}`);
    database.exec(`${ADD}; begin; ${ADD}`);
    const { seq } = native.mountState(mount.id);
    if (end === "endCommits") expect(native.endCommits(mount.id, "it is over")).toBe(true);
    else native.mountClose(mount.id, "it is over");
    const error = extendedCode(errorOf(() => database.exec("commit")));
    // Unless it is kept, COMMIT takes another lock first, which a closed mount does not give.
    const isKept = end === "endCommits" || locking === "exclusive";
    expect(error).toBe(isKept ? "SQLITE_READONLY" : "SQLITE_IOERR_LOCK");
    expect(scalar(database, "pragma headwater_why")).toBe("it is over");
    if (end === "mountClose") {
      database.close();
      return;
    }
    expect(native.mountState(mount.id).seq).toBe(seq);
    expect(scalar(database, COUNT)).toBe(1);
    mount.close();
  });
});

describe("asked whether a COMMIT is under way", () => {
  it("says no once it has succeeded, failed or been rolled back", () => {
    const mount = bareMount(tempDir());
    const database = mount.open();
    database.exec(`create table t(a); ${ADD}; begin; ${ADD}; rollback`);
    database.pragma("headwater_durability = remote");
    expect(() => database.exec(ADD)).toThrow();
    database.exec("begin; delete from t");
    expect(native.endCommits(mount.id, "it is over")).toBe(true);
    database.exec("rollback");
    expect(scalar(database, COUNT)).toBe(1);
    mount.close();
  });
});
