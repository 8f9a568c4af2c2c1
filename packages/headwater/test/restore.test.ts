import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDatabase } from "@headwater/node-binding";
import Database from "better-sqlite3";
import { describe, expect, it, vi } from "vitest";
import { headwater, headwaterJson, start } from "./support/headwater.ts";
import { litestreamHydrates, litestreamProblem } from "./support/litestream-hydrates.ts";
import { folders, s3 } from "./support/places.ts";
import { makeSlowStore } from "./support/slow-store.ts";
import { tempDir } from "./support/temp-dir.ts";
import { keysOf, openWriter, writeHistory } from "./support/writer.ts";

// Each command is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const part = "headwater restore";
const PLACES = [
  { ...folders, unlike: undefined },
  { ...(await s3("miniflare", part)), unlike: "litestream-vfs cannot talk to it" },
  { ...(await s3("ceph", part)), unlike: undefined },
];

describe.each(PLACES)("headwater restore from $name", ({ problem, unlike, make }) => {
  const litestream = unlike ?? litestreamProblem();
  const runs = problem === undefined;

  it.runIf(runs && litestream === undefined)(
    `makes the file that litestream-vfs makes, and our own image (${litestream ?? "run"})`,
    async () => {
      const place = make();
      await writeHistory(place);
      const folder = tempDir();
      const path = join(folder, "app.db");
      const result = await headwaterJson(["restore", place.url, path], place);
      expect(result).toMatchObject({ txid: 5, pageSize: 4096, fileCount: 5, bytesKept: 0 });
      const restored = readFileSync(path);
      expect(restored.byteLength).toBe(result.size);

      const theirs = join(folder, "litestream.db");
      await litestreamHydrates(place, theirs);
      expect(readFileSync(theirs).equals(restored)).toBe(true);

      const image = join(folder, "image.db");
      const { url, env } = place;
      const reader = await openDatabase({
        url,
        storeOptions: keysOf(env),
        hydrate: { path: image },
      });
      await reader.hydrated();
      await reader.close();
      expect(readFileSync(image).equals(restored)).toBe(true);

      // The same out of other files: a snapshot, compacted ones, and what came after.
      await headwaterJson(["compact", "--level", "1", "--all", place.url], place);
      await headwaterJson(["snapshot", place.url], place);
      const writer = await openWriter(place);
      writer.database.exec("insert into notes(body) select body || 'again' from notes");
      await writer.close();
      const later = join(folder, "later.db");
      const resultLater = await headwaterJson(["restore", place.url, later], place);
      expect(resultLater).toMatchObject({ txid: 6, fileCount: 2 });
      await litestreamHydrates(place, `${theirs}.later`);
      expect(readFileSync(`${theirs}.later`).equals(readFileSync(later))).toBe(true);
      const back = join(folder, "back.db");
      await headwaterJson(["restore", "--txid", "5", place.url, back], place);
      expect(readFileSync(back).equals(restored)).toBe(true);
    },
  );

  it.runIf(runs)("has the database of a transaction, and of a moment", async () => {
    const place = make();
    const writer = await openWriter(place);
    const folder = tempDir();
    const moments: { readonly txid: bigint; readonly after: Date }[] = [];
    writer.database.exec("create table counts(n)");
    for (let n = 1; n <= 4; n += 1) {
      writer.database.exec(`insert into counts values (${n})`);
      const txid = await writer.flush();
      // The times of two transactions must differ: listings of S3 have steps of a second.
      moments.push({ txid, after: new Date(Date.now() + 20) });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await writer.close();
    const countIn = (path: string) => {
      const database = new Database(path, { readonly: true });
      const count = database.prepare("select max(n) from counts").pluck().get();
      expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
      database.close();
      return count;
    };
    for (const [index, { txid, after }] of [...moments.entries()].slice(1, 3)) {
      const byTxid = join(folder, `txid-${index}.db`);
      await headwaterJson(["restore", "--txid", `${txid}`, place.url, byTxid], place);
      expect(countIn(byTxid)).toBe(index + 1);
      const byTime = join(folder, `time-${index}.db`);
      const time = after.toISOString();
      await headwaterJson(["restore", "--time", time, place.url, byTime], place);
      expect(countIn(byTime)).toBe(index + 1);
    }
    const early = ["restore", "--time", "1 hour ago", place.url, join(folder, "early.db")];
    const { code, stderr } = await headwater(early, place);
    expect(code).toBe(1);
    expect(stderr).toContain("no files reach back to");
    expect(existsSync(join(folder, "early.db"))).toBe(false);
  });

  it.runIf(runs)("follows, while the file is read, and goes on where it was", async () => {
    const place = make();
    const writer = await openWriter(place);
    writer.database.exec("create table t(n, filler); insert into t values (0, '')");
    const first = Number(await writer.flush());
    const path = join(tempDir(), "app.db");
    const words = ["restore", "--follow", "--interval", "50ms", "--json", place.url, path];
    let reader: Database.Database | undefined;
    for (const round of [1, 2]) {
      const child = start(words, place);
      const lines = linesOf(child);
      if (round === 1) await lines.until(({ type, txid }) => type === "restored" && txid === first);
      reader ??= new Database(path, { readonly: true, timeout: 5000 });
      const read = reader.prepare("select count(*) as count, max(n) as n from t");
      for (let n = 1; n <= 3; n += 1) {
        writer.database.exec(`insert into t select ${round * 10 + n}, hex(randomblob(4000)) from
          (values (1), (2), (3), (4), (5), (6), (7), (8), (9))`);
        if (n === 2) writer.database.exec("delete from t where n % 2 = 1; vacuum");
        const txid = Number(await writer.flush());
        await lines.until((event) => event.type === "applied" && event.txid === txid);
        const expected = writer.database.prepare("select count(*) as count, max(n) as n from t");
        expect(read.get()).toEqual(expected.get());
        expect(reader.pragma("integrity_check", { simple: true })).toBe("ok");
      }
      child.kill("SIGINT");
      const code = await new Promise((resolve) => child.on("close", resolve));
      expect(code).toBe(0);
    }
    reader?.close();
    const { code, stdout } = await headwater(["verify", "--compare", path, place.url], place);
    expect(stdout).toContain("are the same");
    expect(code).toBe(0);
  });
});

describe("headwater restore", () => {
  it("keeps what it has when it is interrupted, and goes on from there", async () => {
    const folder = tempDir();
    const [origin, path] = [join(folder, "origin.db"), join(folder, "app.db")];
    const slow = await makeSlowStore(folder, origin);
    const words = (delayMs: number) => ["restore", "--json", ...slow(delayMs), path];
    const child = start(words(500));
    let complaint = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    const partial = `${path}.restoring`;
    while (!existsSync(partial) || statSync(partial).size < 1_000_000) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    child.kill("SIGINT");
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(130);
    expect(complaint).toMatch(/^interrupted; give the same command again.*\n$/);
    expect(existsSync(path)).toBe(false);
    const result = await headwaterJson(words(0));
    expect(result.bytesKept).toBeGreaterThan(1_000_000);
    expect(readFileSync(path).equals(readFileSync(origin))).toBe(true);
    expect(readdirSync(folder).filter((name) => name.startsWith("app.db"))).toEqual(["app.db"]);
  });

  it("says where it cannot write, before anything is fetched", async () => {
    const place = folders.make();
    await writeHistory(place);
    const folder = tempDir();
    const nowhere = join(folder, "nowhere", "app.db");
    const lost = await headwater(["restore", place.url, nowhere]);
    expect([lost.code, lost.stdout]).toEqual([1, ""]);
    expect(lost.stderr).toContain(`cannot write ${nowhere}: cannot lock ${nowhere}.restoring.lock`);
    expect(lost.stderr).toMatch(/: No such file or directory; check the path and its rights\n$/);
    for (const options of [[], ["--overwrite"]]) {
      const { code, stderr } = await headwater(["restore", ...options, place.url, folder]);
      expect([code, stderr]).toEqual([1, `headwater: ${folder} is a folder; name a file in it\n`]);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it("says when transactions of before the moment are missing", async () => {
    const place = folders.make();
    await writeHistory(place);
    const level0 = join(fileURLToPath(place.url), "ltx", "0");
    rmSync(
      join(
        level0,
        readdirSync(level0)
          .sort()
          .find((name) => name.includes("3-")) ?? "",
      ),
    );
    const words = ["restore", "--time", "now", place.url, join(tempDir(), "app.db")];
    const { code, stdout, stderr } = await headwater(words);
    expect([code, stdout]).toEqual([0, expect.stringContaining("transaction 2 of")]);
    expect(stderr).toMatch(/^transactions 3 to 3 were made before then/);
  });

  it("takes no file's place unless it is told to", async () => {
    const place = folders.make();
    await writeHistory(place);
    const path = join(tempDir(), "app.db");
    writeFileSync(path, "somebody's");
    const refused = await headwater(["restore", place.url, path]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("is there already");
    expect(readFileSync(path, "utf8")).toBe("somebody's");
    expect((await headwater(["restore", "--overwrite", place.url, path])).code).toBe(0);
    expect(readFileSync(path).subarray(0, 15).toString()).toBe("SQLite format 3");
  });

  it.each([
    ["--time", "whenever"],
    ["--txid", "0"],
    ["--txid", "-5"],
    ["--interval", "5"],
    ["--interval", "0"],
    ["--interval", "1us"],
  ])("calls %s %s a mistake, before anything is done", async (option, value) => {
    const { code, stderr } = await headwater(["restore", `${option}=${value}`, "file:///x", "y"]);
    expect(code).toBe(2);
    expect(stderr).toContain(value);
  });
});

interface Event {
  readonly type?: string;
  readonly txid?: number;
}

/** The lines of JSON that come, one after another, until it ends. */
function linesOf(child: ChildProcess) {
  const events: Event[] = [];
  let rest = "";
  let complaint = "";
  let hasEnded = false;
  let notify = () => {};
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    events.push(...lines.map((line) => JSON.parse(line) as Event));
    notify();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  child.on("close", () => {
    hasEnded = true;
    notify();
  });
  return {
    async until(accepts: (event: Event) => boolean): Promise<void> {
      while (!events.some(accepts)) {
        if (hasEnded) throw new Error(`it has ended: ${complaint}`);
        await new Promise<void>((resolve) => {
          notify = resolve;
        });
      }
    },
  };
}
