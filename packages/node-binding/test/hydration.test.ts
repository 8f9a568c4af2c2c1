/**
 * The local image as a user sees it: progress, what is kept, and what is wrong with the bucket.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { HeadwaterError, type HydrateOptions } from "../src/index.ts";
import { DrivenProcess } from "./support/driven-process.ts";
import { integrity, queryOf, scalar } from "./support/dump.ts";
import { eventually } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { tempDir } from "./support/temp-dir.ts";

const FILL = `
  create table item(id integer primary key, data);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)
  insert into item(data) select randomblob(3000) from n`;
const HEX = "select hex(data) from item where id % 100 = 0";
const SUM = "select sum(length(data)) from item";

interface Bucket {
  readonly url: string;
  readonly folder: string;
}

/** Some three megabytes, in one file. */
async function bucket(): Promise<Bucket> {
  const folder = tempDir();
  const url = `file://${folder}/app.db`;
  const { database, close } = await openWriter({ url });
  database.exec(FILL);
  await close();
  return { url, folder: join(folder, "app.db") };
}

/** Changes a byte in the middle of the largest file. */
function damage({ folder }: Bucket): void {
  const level = join(folder, "ltx", "0");
  const names = readdirSync(level).filter((name) => name.endsWith(".ltx"));
  const paths = names.map((name) => join(level, name));
  const [largest] = paths.toSorted((a, b) => readFileSync(b).length - readFileSync(a).length);
  const bytes = readFileSync(largest!);
  bytes[bytes.length >> 1]! ^= 0x11;
  writeFileSync(largest!, bytes);
}

describe("progress of hydration", () => {
  it("can be iterated over, and ends with the image complete", async () => {
    const { url } = await bucket();
    const reader = await openReader({ url, hydrate: { bytesPerSecondMax: 20_000_000 } });
    const told: { pagesPresent: number; pageCount: number }[] = [];
    reader.on("hydrating", ({ pagesPresent, pageCount }) => told.push({ pagesPresent, pageCount }));
    const seen: number[] = [];
    let last: unknown;
    for await (const progress of reader.hydrationProgress()) {
      seen.push(progress.pagesPresent);
      last = progress;
    }
    expect(last).toMatchObject({ done: true, error: undefined });
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(told.at(-1)!.pagesPresent);
    expect(told.at(-1)!.pagesPresent).toBe(told.at(-1)!.pageCount);
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThanOrEqual(101);
    // Once it is complete there is one look, and no wait.
    for await (const progress of reader.hydrationProgress()) expect(progress.done).toBe(true);
  });

  it("throws what keeps the image from being complete", async () => {
    const place = await bucket();
    damage(place);
    const reader = await openReader({ url: place.url, hydrate: true });
    const failed: string[] = [];
    reader.on("hydrationFailed", ({ error }) => failed.push(String(error.code)));
    const iterate = async () => {
      for await (const progress of reader.hydrationProgress()) expect(progress.done).toBe(false);
    };
    await expect(iterate()).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(failed).toEqual(["REPLICA_DAMAGED"]);
  });

  it("is left with its signal, and refused when there is none", async () => {
    const { url } = await bucket();
    const reader = await openReader({ url, hydrate: { bytesPerSecondMax: 1 } });
    const leave = new AbortController();
    const iterate = async (options: { signal?: AbortSignal }, handle = reader) => {
      for await (const progress of handle.hydrationProgress(options)) {
        expect(progress.done).toBe(false);
        leave.abort(new Error("enough"));
      }
    };
    await expect(iterate({ signal: leave.signal })).rejects.toThrow("enough");
    const plain = await openReader({ url });
    await expect(iterate({}, plain)).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});

describe("PRAGMA headwater_hydration_progress", () => {
  const ask = (database: Parameters<typeof scalar>[0]) =>
    ["headwater", "litestream"].map((prefix) =>
      ["progress", "file"].map((name) => scalar(database, `pragma ${prefix}_hydration_${name}`)),
    );

  it("tells percent, and where the copy is, under both prefixes", async () => {
    const { url } = await bucket();
    const path = join(tempDir(), "image.db");
    const slow = { path, bytesPerSecondMax: 1 };
    const reader = await openReader({ url, hydrate: slow });
    const begun = await eventually("a first page", () => {
      const [[progress]] = ask(reader.database) as [[string]];
      return progress === "0.0" ? undefined : Number(progress);
    });
    expect(begun).toBeGreaterThan(0);
    expect(begun).toBeLessThan(100);
    await reader.close();
    const { database, hydrated } = await openReader({ url, hydrate: { path } });
    await hydrated();
    expect(ask(database)).toEqual([
      ["100.0", path],
      ["100.0", path],
    ]);
    for (const name of ["progress", "file"]) {
      expect(() => database.pragma(`headwater_hydration_${name} = 1`)).toThrow("is read-only");
    }
  });

  it("is nothing without hydration, and names no file that goes with the mount", async () => {
    const { url } = await bucket();
    const plain = await openReader({ url });
    expect(ask(plain.database)[0]).toEqual(["0", ""]);
    const passing = await openReader({ url, name: "passing.db", hydrate: true });
    await passing.hydrated();
    expect(ask(passing.database)[0]).toEqual(["100.0", ""]);
  });

  it("is less than all of it again while what has changed is missing", async () => {
    const { url } = await bucket();
    const writer = await openWriter({ url });
    const reader = await openReader({ url, hydrate: true });
    await reader.hydrated();
    const old = reader.database.prepare("select data from item").iterate();
    old.next();
    writer.database.exec("update item set data = 1 where id = 3");
    await writer.flush();
    await reader.flush();
    const [[progress]] = ask(reader.database) as [[string]];
    expect(Number(progress)).toBeLessThan(100);
    old.return?.();
    await reader.hydrated();
    expect(ask(reader.database)[0]).toEqual(["100.0", ""]);
  });
});

describe("an image with a path", () => {
  it("is used again by the next mount, and serves its reads", async () => {
    const { url } = await bucket();
    const path = join(tempDir(), "image.db");
    const first = await openReader({ url, hydrate: { path } });
    await first.hydrated();
    await first.close();
    const plain = { cacheBytes: 0, warmUp: false };
    const again = await openReader({ url, hydrate: { path }, ...plain });
    await again.hydrated();
    const { requests, hydration } = await again.status();
    expect(hydration).toMatchObject({ path, done: true });
    const bytesBefore = requests.get?.bytesRead ?? 0;
    expect(bytesBefore).toBeLessThan(500_000);
    expect(scalar(again.database, SUM)).toBe(3_000_000);
    expect(integrity(again.database)).toBe("ok");
    expect((await again.status()).requests.get?.bytesRead ?? 0).toBe(bytesBefore);
  });

  it("belongs to one process at a time, and is sound after that one was killed", async () => {
    const { url } = await bucket();
    const path = join(tempDir(), "image.db");
    const child = new DrivenProcess("./headwater-child.ts");
    await child.call("mount", { url, name: "first.db", hydrate: { path } });
    const expected = await child.call("query", "first.db", HEX);
    const refused = await openReader({ url, hydrate: { path } }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "IMAGE_LOCKED" });
    expect((refused as Error).message).toContain(`${path} is the local image of process`);
    await child.kill();
    const reader = await openReader({ url, hydrate: { path }, cacheBytes: 0 });
    await reader.hydrated();
    expect(await queryOf(reader.database)(HEX)).toEqual(expected);
    expect(integrity(reader.database)).toBe("ok");
  });

  it("is not believed where somebody has changed it", async () => {
    const { url } = await bucket();
    const path = join(tempDir(), "image.db");
    const first = await openReader({ url, hydrate: { path } });
    await first.hydrated();
    const sum = scalar(first.database, "select hex(data) from item where id = 500");
    await first.close();
    const whole = readFileSync(path);
    writeFileSync(path, new Uint8Array(whole.length).fill(0x5a));
    const again = await openReader({ url, hydrate: { path }, cacheBytes: 0 });
    await again.hydrated();
    expect(scalar(again.database, "select hex(data) from item where id = 500")).toBe(sum);
    await again.close();
    expect(Buffer.compare(readFileSync(path), whole)).toBe(0);
  });
});

describe("an option of hydration that is wrong", () => {
  for (const hydrate of [
    { bytesPerSecondMax: 0 },
    { bytesPerSecondMax: -1 },
    { bytesPerSecondMax: Number.NaN },
    { path: "" },
    { path: 7 },
    "yes",
  ]) {
    it(`is refused: ${JSON.stringify(hydrate)}`, async () => {
      const { url } = await bucket();
      const opening = openReader({ url, hydrate: hydrate as HydrateOptions });
      const failure = await opening.catch((error: unknown) => error);
      expect(HeadwaterError.is(failure, "OPTION_INVALID")).toBe(true);
      expect((failure as Error).message).toContain("hydrate");
    });
  }
});
