/** Files that a mount makes: for this user only, and never through a link. */

import { lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { native } from "../src/native.ts";
import { DrivenProcess } from "./support/driven-process.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { errorOf } from "./support/result-code.ts";
import { tempDir } from "./support/temp-dir.ts";

/** Where the system names its starts. */
const LINUX = process.platform === "linux" ? ["lease.json"] : [];

const modeOf = (path: string) => lstatSync(path).mode & 0o777;

describe("what a mount makes on disk", () => {
  it("is for this user only: the folder, the lock, records, segments and images", async () => {
    const url = `file://${tempDir()}/app.db`;
    const journalDir = join(tempDir(), "deep", "journal");
    const { database, flush } = await openWriter({ url, journalDir });
    database.exec("pragma cache_size = 10; create table item(data)");
    await flush();
    database.exec("begin; insert into item values (zeroblob(9000000)); commit");
    const names = readdirSync(journalDir);
    const kinds = names.map((name) => name.replace(/^\d+/, "N"));
    expect([...new Set(kinds)].sort()).toEqual(
      ["N.journal", "intent.json", ...LINUX, "lock", "replica.json", "state.json"].sort(),
    );
    expect(modeOf(journalDir)).toBe(0o700);
    for (const name of names) expect(modeOf(join(journalDir, name)), name).toBe(0o600);
    await flush();
    const path = join(tempDir(), "image.db");
    const reader = await openReader({ url, hydrate: { path } });
    await reader.hydrated();
    for (const file of [path, `${path}.lock`]) expect(modeOf(file), file).toBe(0o600);
  });

  it("never goes through a link that somebody put where a segment or a lock would be", () => {
    const [folder, target] = [tempDir(), join(tempDir(), "precious")];
    writeFileSync(target, "precious");
    const id = native.mountCreate("files.db", true, 0, 5000, 0, 0n, 0, 0, 0, false);
    for (const at of [target, join(folder, "not there")]) {
      const [segment, lock] = ["segment", "lock"].map((name) =>
        join(folder, `${name}-${at.length}`),
      );
      symlinkSync(at, segment!);
      symlinkSync(at, lock!);
      expect(errorOf(() => native.journalRotate(id, segment!, 0n))).toBeInstanceOf(Error);
      expect(errorOf(() => native.journalRecover(id, segment!, true))).toBeInstanceOf(Error);
      expect(errorOf(() => native.fileLock(lock!, "mine"))).toBeInstanceOf(Error);
    }
    native.mountClose(id, "the test is over");
    expect(readFileSync(target, "utf8")).toBe("precious");
    expect(readdirSync(folder)).toHaveLength(4);
  });

  it("is nothing in the folder for temporary files, after a close or a crash", async () => {
    const url = `file://${tempDir()}/app.db`;
    for (const ends of ["closed", "killed"]) {
      const temp = tempDir();
      const child = new DrivenProcess("./headwater-child.ts", {
        env: { ...process.env, TMPDIR: temp, SQLITE_TMPDIR: temp },
      });
      const name = await child.call("mount", {
        url,
        mode: "write",
        journalDir: tempDir(),
        hydrate: true,
        lease: "off",
      });
      await child.call("exec", name, "create table if not exists item(data)");
      await child.call(
        "exec",
        name,
        "pragma cache_size = 10; begin; insert into item values (zeroblob(20000000))",
      );
      if (ends === "killed") await child.kill();
      else {
        await child.call("exec", name, "rollback");
        await child.call("close", name);
        await child.stop();
      }
      expect(readdirSync(temp), ends).toEqual([]);
    }
  });
});
