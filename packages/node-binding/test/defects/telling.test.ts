/**
 * What other programs keep to themselves: why they refuse, and that they wait.
 */

import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { registerNodeSqlite } from "../../src/index.ts";
import { integrity, scalar } from "../support/dump.ts";
import { within } from "../support/eventually.ts";
import { openWriter } from "../support/mounts.ts";
import { errorOf, resultCode } from "../support/result-code.ts";
import { tempDir } from "../support/temp-dir.ts";

const CREATE = "create table item(value integer); insert into item values (0)";

describe.each([
  ["better-sqlite3", (name: string) => new Database(name)],
  ["node:sqlite", (name: string) => new DatabaseSync(name)],
] as const)("a PRAGMA through %s", (_driver, connect) => {
  // 10
  it("that cannot be obeyed says why", async () => {
    registerNodeSqlite();
    const { filename } = await openWriter({ url: `file://${tempDir()}/app.db` });
    const connection = connect(filename);
    onTestFinished(() => void connection.close());
    connection.exec(CREATE);
    for (const [sql, why] of [
      ["pragma headwater_durability = 'perhaps'", 'is "remote" or "eventual", not "perhaps"'],
      ["pragma headwater_sync_on_close = 'perhaps'", 'is on or off, not "perhaps"'],
      ["pragma page_size = 8192; vacuum", "page size of a replica cannot change: it is 4096"],
    ] as const) {
      const error = errorOf(() => connection.exec(sql));
      expect(resultCode(error), sql).toBe("SQLITE_ERROR");
      expect((error as Error).message, sql).toContain(why);
    }
    connection.exec("update item set value = 1");
  });
});

describe("giving up the right to write", () => {
  // 25
  it("in a transaction of the caller itself ends with its signal, and it goes on", async () => {
    const writer = await openWriter({ url: `file://${tempDir()}/app.db` });
    writer.database.exec(CREATE);
    writer.database.exec("begin; update item set value = 1");
    const giving = writer.demote({ signal: AbortSignal.timeout(100) });
    await expect(within("demote", giving)).rejects.toMatchObject({ name: "TimeoutError" });
    writer.database.exec("update item set value = value + 1; commit");
    await writer.flush();
    // What was given up does not come later.
    writer.database.exec("update item set value = value + 1");
    await writer.demote();
    expect(scalar(writer.database, "select value from item")).toBe(3);
    const refused = errorOf(() => writer.database.exec("update item set value = 4"));
    expect(resultCode(refused)).toBe("SQLITE_READONLY");
    expect(integrity(writer.database)).toBe("ok");
  });
});
