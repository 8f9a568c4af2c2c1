/**
 * Paths that are relative mean the folder that was current when they were given.
 */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { scalar } from "./support/dump.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { tempDir } from "./support/temp-dir.ts";

/** Goes there until the test ends. */
function goTo(folder: string): void {
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
}

describe("a program that goes to another folder", () => {
  it("goes on writing to its journal", async () => {
    const url = `file://${tempDir()}/app.db`;
    const [here, away] = [tempDir(), tempDir()];
    goTo(here);
    const writer = await openWriter({ url, journalDir: "journal" });
    writer.database.exec("create table item(id)");
    await writer.flush();
    process.chdir(away);
    for (let count = 0; count < 3; count += 1) {
      writer.database.exec("insert into item values (1)");
      await writer.flush();
    }
    await writer.close();
    expect(readdirSync(away)).toEqual([]);
    const again = await openWriter({ url, journalDir: join(here, "journal") });
    expect(scalar(again.database, "select count(*) from item")).toBe(3);
  });

  it("keeps its image where that is", async () => {
    const url = `file://${tempDir()}/app.db`;
    const writer = await openWriter({ url });
    writer.database.exec("create table item(id)");
    await writer.close();
    const [here, away] = [tempDir(), tempDir()];
    goTo(here);
    const reader = await openReader({
      url,
      hydrate: { path: "image.db" },
      indexCacheDir: "indexes",
    });
    process.chdir(away);
    await reader.hydrated();
    await reader.close();
    expect(readdirSync(away)).toEqual([]);
    expect(existsSync(join(here, "image.db.record"))).toBe(true);
  });
});
