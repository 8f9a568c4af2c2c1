import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { describe, expect, it, vi } from "vitest";
import { headwater, headwaterJson, type Outcome } from "./support/headwater.ts";
import { folders, type Place, s3 } from "./support/places.ts";
import { tempDir } from "./support/temp-dir.ts";
import { writeHistory } from "./support/writer.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

/** Files of level 0, in their order. */
function level0(place: Place): string[] {
  const folder = join(fileURLToPath(place.url), "ltx", "0");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".ltx"))
    .sort()
    .map((name) => join(folder, name));
}

async function verify(
  place: Place,
  ...words: readonly string[]
): Promise<Outcome & { readonly result: Verification }> {
  const outcome = await headwater(["verify", "--json", ...words, place.url], place);
  return { ...outcome, result: JSON.parse(outcome.stdout) as Verification };
}

interface Verification {
  readonly isSound: boolean;
  readonly txid: number;
  readonly findings: readonly {
    readonly type: string;
    readonly isDamage: boolean;
    readonly key?: string;
    readonly next: string;
  }[];
  readonly comparison?: { readonly isSame: boolean; readonly differingPgnos: readonly number[] };
}

describe("headwater verify", () => {
  it("finds nothing wrong with a sound replica, and says so", async () => {
    const place = folders.make();
    await writeHistory(place);
    const { code, result } = await verify(place);
    expect([code, result.isSound, result.txid, result.findings]).toEqual([0, true, 5, []]);
    const { stdout } = await headwater(["verify", place.url]);
    expect(stdout).toMatch(/^5 files, .* up to transaction 5: sound\n$/);
  });

  it("names a damaged file, and ends with 3", async () => {
    const place = folders.make();
    await writeHistory(place);
    const path = level0(place)[2] ?? "";
    const bytes = readFileSync(path);
    bytes[200] = (bytes[200] ?? 0) ^ 0x10;
    writeFileSync(path, bytes);
    const { code, result } = await verify(place);
    expect(code).toBe(3);
    expect(result.findings).toMatchObject([
      { type: "damaged", isDamage: true, key: `ltx/0/${path.split("/").at(-1)}` },
    ]);
    const words = await headwater(["verify", place.url]);
    expect(words.code).toBe(3);
    expect(words.stdout).toMatch(/damaged: .*\n +-> .*restore it from a copy/);
    const restored = await headwater(["restore", place.url, join(tempDir(), "app.db")]);
    expect(restored.stderr).toMatch(/is damaged: .*; "headwater verify" tells what to do\n$/);
    // Names alone do not tell.
    expect((await verify(place, "--quick")).code).toBe(0);
  });

  it("tells which transactions are missing, and how far one can restore", async () => {
    const place = folders.make();
    await writeHistory(place);
    rmSync(level0(place)[2] ?? "");
    const { code, result } = await verify(place, "--quick");
    expect(code).toBe(3);
    expect(result).toMatchObject({ txid: 2, findings: [{ type: "gap", isDamage: true }] });
    expect(result.findings[0]?.next).toContain("--txid 2");
    rmSync(level0(place)[0] ?? "");
    const first = await verify(place, "--quick");
    expect([first.code, first.result.txid]).toEqual([3, 0]);
    expect(first.result.findings[0]?.next).toContain("nothing can be restored");
    expect(first.result.findings[0]?.next).not.toContain("--txid");
  });

  it("tells a fork from a sound history: an upload that continues another file", async () => {
    const place = folders.make();
    await writeHistory(place);
    const other = folders.make();
    await writeHistory(other);
    const [, , third = ""] = level0(place);
    writeFileSync(third, readFileSync(level0(other)[2] ?? ""));
    const { code, result } = await verify(place);
    expect(code).toBe(3);
    expect(result.findings.map(({ type }) => type)).toContain("fork");
  });

  it("tells when files of two databases are mixed", async () => {
    const place = folders.make();
    await writeHistory(place);
    const other = folders.make();
    await writeHistory(other, 1024);
    writeFileSync(level0(place)[4] ?? "", readFileSync(level0(other)[4] ?? ""));
    const { code, result } = await verify(place);
    expect(code).toBe(3);
    expect(result.findings.map(({ type }) => type)).toContain("page-size");
  });

  it("tells what lies there in vain, which is no damage", async () => {
    const place = folders.make();
    await writeHistory(place);
    expect((await headwater(["snapshot", place.url])).code).toBe(0);
    expect((await headwater(["compact", "--level", "1", "--all", place.url])).code).toBe(0);
    const root = fileURLToPath(place.url);
    const [first = "", second = "", third = ""] = level0(place);
    // A late upload, whose neighbours retention has taken away.
    for (const gone of [second, third]) rmSync(gone);
    // A compacted file that nothing leads to any more.
    mkdirSync(join(root, "ltx", "2"));
    const middle = "0000000000000003-0000000000000003.ltx";
    writeFileSync(join(root, "ltx", "2", middle), readFileSync(first));
    writeFileSync(join(root, "notes.txt"), "hello");
    const { code, result } = await verify(place, "--quick");
    expect(code).toBe(0);
    const found = result.findings.map(({ type, key }) => [type, key]);
    expect(found).toContainEqual(["stray", `ltx/0/${first.split("/").at(-1)}`]);
    expect(found).toContainEqual(["zombie", `ltx/2/${middle}`]);
    expect(found).toContainEqual(["foreign", "notes.txt"]);
  });

  it("says that it has not compared with what is not sound", async () => {
    const place = folders.make();
    await writeHistory(place);
    const path = join(tempDir(), "app.db");
    await headwaterJson(["restore", place.url, path]);
    rmSync(level0(place)[2] ?? "");
    const { code, stdout } = await headwater(["verify", "--compare", path, place.url]);
    expect(code).toBe(3);
    expect(stdout).toContain(`${path} was not compared with it`);
  });

  it("takes a moment only to compare with", async () => {
    for (const moment of ["--time=yesterday", "--txid=4"]) {
      const { code, stderr } = await headwater(["verify", moment, "file:///nowhere"]);
      expect(code).toBe(2);
      expect(stderr).toContain("--compare");
    }
  });

  it("says where nothing is that there is nothing", async () => {
    const place = folders.make();
    const { code, stderr, stdout } = await headwater(["verify", place.url]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^headwater: .*there is no replica here; check the URL\n$/);
  });
});

const part = "headwater verify --compare";

describe.each([folders, await s3("miniflare", part)])("compared on $name", ({ problem, make }) => {
  it.runIf(problem === undefined)("a file is the same, or different in these pages", async () => {
    const place = make();
    await writeHistory(place);
    const path = join(tempDir(), "app.db");
    await headwaterJson(["restore", place.url, path], place);
    const same = await verify(place, "--compare", path);
    expect([same.code, same.result.comparison?.isSame]).toEqual([0, true]);

    const database = new Database(path);
    database.pragma("journal_mode = wal");
    database.exec("update notes set body = 'changed' where id = 7");
    // What is in its log counts.
    const changed = await verify(place, "--compare", path);
    database.close();
    expect([changed.code, changed.result.comparison?.isSame]).toEqual([3, false]);
    expect(changed.result.comparison?.differingPgnos.length).toBeGreaterThan(0);
    const earlier = await verify(place, "--compare", path, "--txid", "4");
    expect([earlier.code, earlier.result.comparison?.isSame]).toEqual([3, false]);
  });
});
