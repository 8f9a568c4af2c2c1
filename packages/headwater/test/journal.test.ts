import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeLtx } from "@headwater/ltx";
import Database from "better-sqlite3";
import { describe, expect, it, vi } from "vitest";
import { headwater, headwaterJson } from "./support/headwater.ts";
import { folders, type Place } from "./support/places.ts";
import { tempDir } from "./support/temp-dir.ts";
import { openWriter } from "./support/writer.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const WRITER = fileURLToPath(new URL("./support/crashing-writer.ts", import.meta.url));

interface Left {
  readonly place: Place;
  readonly journalDir: string;
  readonly words: readonly string[];
}

/** A journal with two commits that the bucket has not. */
function crash(): Left {
  const place = folders.make();
  const journalDir = join(tempDir(), "journal");
  const flags = ["--conditions=@headwater/source", "--no-warnings", WRITER];
  const { signal } = spawnSync(process.execPath, [...flags, place.url, journalDir]);
  expect(signal).toBe("SIGKILL");
  return { place, journalDir, words: ["--journal-dir", journalDir, place.url] };
}

function rowsOf(path: string): unknown[] {
  const database = new Database(path, { readonly: true });
  const rows = database.prepare("select n from t order by n").pluck().all();
  expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
  database.close();
  return rows;
}

describe("headwater journal", () => {
  it("tells what is only pending, and leaves it to be uploaded", async () => {
    const { place, journalDir, words } = crash();
    const shown = await headwaterJson(["journal", "inspect", ...words]);
    expect(shown).toMatchObject({ state: "pending", commitCount: 2, synced: { txid: 1 } });
    const writer = await openWriter(place, { journalDir });
    await writer.flush();
    expect(writer.database.prepare("select count(*) from t").pluck().get()).toBe(4);
    const locked = await headwater(["journal", "inspect", ...words]);
    expect([locked.code, locked.stderr.includes("is used by process")]).toEqual([1, true]);
    await writer.close();
  });

  it("saves what is stranded, and gives it up only when it is told to", async () => {
    const { place, journalDir, words } = crash();
    const other = await openWriter(place);
    other.database.exec("insert into t values (99)");
    await other.close();

    const shown = await headwater(["journal", "inspect", ...words]);
    expect(shown.stdout).toMatch(/state +stranded: save them with "headwater journal export"/);
    const folder = tempDir();
    const path = join(folder, "stranded.db");
    const saved = await headwaterJson(["journal", "export", ...words, path]);
    expect(saved).toMatchObject({ txid: 2 });
    // As the writer saw it, without what the other one has written.
    expect(rowsOf(path)).toEqual([1, 2, 3, 4]);
    const ltx = join(folder, "stranded.ltx");
    await headwaterJson(["journal", "export", "--ltx", ...words, ltx]);
    const file = decodeLtx(readFileSync(ltx));
    file.verify();
    expect([file.header.minTxid, file.index.count > 0]).toEqual([2n, true]);
    const again = await headwater(["journal", "export", ...words, path]);
    expect([again.code, again.stderr.includes("is there already")]).toEqual([1, true]);

    const refused = await headwater(["journal", "discard", ...words]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("2 commits that may be nowhere else");
    expect(existsSync(journalDir)).toBe(true);
    expect((await headwater(["journal", "discard", "--yes", ...words])).code).toBe(0);
    expect(existsSync(journalDir)).toBe(false);
    // Nothing of it is left in the way.
    const writer = await openWriter(place, { journalDir });
    expect(writer.database.prepare("select max(n) from t").pluck().get()).toBe(99);
    await writer.close();
  });

  it("makes no folder, and takes none for a journal that is none", async () => {
    const place = folders.make();
    const empty = tempDir();
    mkdirSync(join(empty, "something"));
    for (const folder of [empty, join(empty, "nowhere")]) {
      const words = ["journal", "inspect", "--journal-dir", folder, place.url];
      const { code, stderr } = await headwater(words);
      expect(code).toBe(1);
      expect(stderr).toContain("there is no journal in");
    }
    expect(existsSync(join(empty, "nowhere"))).toBe(false);
    const env = { XDG_STATE_HOME: empty };
    const { stderr } = await headwater(["journal", "inspect", place.url], { env });
    expect(stderr).toContain(join(empty, "headwater", "app.db-"));
  });

  it("puts no commits on top of another database, and gives up none of another", async () => {
    const { journalDir, words } = crash();
    const other = crash();
    const path = join(tempDir(), "mixed.db");
    for (const rest of [["export"], ["inspect"], ["discard", "--yes"]] as const) {
      const where = ["--journal-dir", journalDir, other.place.url];
      const file = rest[0] === "export" ? [path] : [];
      const { code, stderr } = await headwater(["journal", ...rest, ...where, ...file]);
      expect(code).toBe(1);
      expect(stderr).toContain(`is the journal of ${words.at(-1)}`);
    }
    expect(existsSync(path)).toBe(false);
    expect(existsSync(journalDir)).toBe(true);
  });
});
