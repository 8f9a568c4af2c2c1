import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { headwater, headwaterJson } from "./support/headwater.ts";
import { folders, s3 } from "./support/places.ts";
import { tempDir } from "./support/temp-dir.ts";
import { openWriter, writeHistory } from "./support/writer.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const part = "headwater info and list";

describe.each([folders, await s3("miniflare", part)])("on $name", ({ problem, make }) => {
  const runs = problem === undefined;

  it.runIf(runs)("info tells levels, sizes, moments and the lease", async () => {
    const place = make();
    const writer = await openWriter(place);
    writer.database.exec("create table t(n)");
    await writer.flush();
    const held = await headwaterJson(["info", place.url], place);
    expect(held).toMatchObject({
      fileCount: 1,
      pageSize: 4096,
      pageCount: 2,
      newest: { txid: 1 },
      oldest: { txid: 1 },
      momentCount: 1,
      levels: [{ level: 0, fileCount: 1, minTxid: 1, maxTxid: 1 }],
      lease: { state: "held", generation: 1 },
    });
    expect(held.ageMs).toBeLessThan(600_000);
    await writer.close();
    const { stdout, code } = await headwater(["info", place.url], place);
    expect(code).toBe(0);
    expect(stdout).toContain("8.00 KiB, 2 pages of 4096 bytes");
    expect(stdout).toMatch(/lease +free; given back by /);
    // The query of the URL may hold what nobody else is to see.
    expect(stdout).not.toContain("?");
  });

  it.runIf(runs)("list shows each file", async () => {
    const place = make();
    await writeHistory(place);
    const files = (await headwaterJson(["list", place.url], place)) as unknown as unknown[];
    expect(files).toHaveLength(5);
    expect(files[1]).toMatchObject({ level: 0, minTxid: 2, maxTxid: 2 });
    const { stdout } = await headwater(["list", place.url], place);
    expect(stdout.split("\n")[2]).toMatch(/^0 +2 .*0000000000000002-0000000000000002\.ltx$/);
    const none = await headwaterJson(["list", "--level", "9", place.url], place);
    expect(none).toEqual([]);
  });
});

describe("a lease", () => {
  it("that is none is told, and keeps nothing else from being told", async () => {
    const place = folders.make();
    await writeHistory(place);
    writeFileSync(join(fileURLToPath(place.url), "lock.json"), "{bad");
    const { stdout, code } = await headwater(["info", place.url]);
    const problem = /the object lock\.json is not a lease: .*; delete it when nobody writes there/;
    expect(code).toBe(0);
    expect(stdout).toMatch(problem);
    expect(await headwaterJson(["info", place.url])).toMatchObject({ lease: { state: "invalid" } });
    for (const command of ["show", "break"]) {
      const { code, stderr } = await headwater(["lease", command, place.url]);
      expect(code).toBe(1);
      expect(stderr).toMatch(problem);
    }
  });

  it("is nobody's where there is no replica, which is said", async () => {
    const place = folders.make();
    for (const command of ["show", "break"]) {
      const { code, stderr } = await headwater(["lease", command, place.url]);
      expect([code, stderr.includes("there is no replica here; check the URL")]).toEqual([1, true]);
    }
  });

  it("of a store that cannot be reached is one sentence with what to do", async () => {
    const url = "s3://bucket/app.db?endpoint=http://127.0.0.1:1&region=us-east-1";
    const env = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };
    for (const command of [["info"], ["lease", "show"]]) {
      const { code, stderr } = await headwater([...command, url], { env });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^headwater: s3:\/\/bucket\/app\.db: .*check the endpoint.*\n$/);
    }
  });
});

describe("describe", () => {
  it("shows a file, and what is wrong with one", async () => {
    const place = folders.make();
    await writeHistory(place);
    const folder = join(fileURLToPath(place.url), "ltx", "0");
    const name = readdirSync(folder).findLast((one) => one.endsWith(".ltx")) ?? "";
    const path = join(folder, name);
    const shown = await headwaterJson(["describe", "--pages", path]);
    expect(shown).toMatchObject({ valid: true, header: { pageSize: 4096 } });
    expect(shown.pages).not.toHaveLength(0);
    const words = await headwater(["describe", path]);
    expect([words.code, words.stdout.includes("sound")]).toEqual([0, true]);

    const damaged = join(tempDir(), name);
    copyFileSync(path, damaged);
    const bytes = readFileSync(damaged);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(damaged, bytes);
    const bad = await headwater(["describe", damaged]);
    expect(bad.code).toBe(3);
    expect(bad.stdout).toContain("CHECKSUM_MISMATCH");
    const gone = await headwater(["describe", join(folder, "none.ltx")]);
    expect(gone.code).toBe(1);
    expect(gone.stderr).toContain("check the path");
  });
});
