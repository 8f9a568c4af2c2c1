import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CacheFolder } from "../src/disk/cache-folder.ts";
import { decodePack, encodePack, PACK_LAYOUT, PACK_MAGIC } from "../src/index-pack.ts";
import { systemClock } from "../src/system.ts";
import { expectState, openWorld } from "./support/reading.ts";
import { openPlayer } from "./support/roles.ts";
import { range, World } from "./support/world.ts";

let root: string;
let folder: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "headwater-index-"));
  folder = join(root, "cache");
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function worldOf(fileCount: number): Promise<World> {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, 200) });
  for (const index of range(1, fileCount)) await world.write({ pages: [1 + (index % 200)] });
  return world;
}

/** Opens, looks at everything and closes; returns how many gets opening took. */
async function openOnce(world: World) {
  world.requests.length = 0;
  const options = { indexCacheDir: folder, warmUp: false } as const;
  await using replica = await openWorld(world, options);
  const gets = world.requests.filter(({ operation }) => operation === "get").length;
  await expectState(replica, world, world.txid);
  return { gets, status: replica.mount.status().indexCache };
}

async function onlyFile(): Promise<string> {
  const names = await readdir(folder);
  expect(names).toHaveLength(1);
  return join(folder, names[0]!);
}

describe("the index cache", () => {
  it("spares the next opening every request for a file that it knows", async () => {
    const world = await worldOf(50);
    expect(await openOnce(world)).toMatchObject({ gets: 52, status: { missCount: 51 } });
    expect(await openOnce(world)).toMatchObject({ gets: 0, status: { hitCount: 51 } });
    await world.write({ pages: [7] });
    await world.compact(1, [
      [0, 2, 2],
      [0, 3, 3],
    ]);
    const status = { hitCount: 49, missCount: 2, lastError: undefined };
    expect(await openOnce(world)).toEqual({ gets: 2, status });
    expect(await openOnce(world)).toMatchObject({ gets: 0, status: { hitCount: 51 } });
  });

  it("knows when a file was made, where listings do not tell", async () => {
    const world = new World({ supports: { listedTimestamp: false } });
    await world.write({ pages: range(1, 3), timestampMs: 1_700_000_000_000 });
    await world.write({ pages: [2], timestampMs: 1_700_000_001_234 });
    for (const hitCount of [0, 2]) {
      const player = await openPlayer(world, { indexCacheDir: folder });
      const { indexCache, follow } = player.mount.status();
      expect(indexCache?.hitCount).toBe(hitCount);
      expect(follow?.createdAtMs).toBe(1_700_000_001_234);
      expect(player.device.state()).toMatchObject({ createdAtMs: 1_700_000_001_234 });
      await player.mount.close();
    }
  });

  it("keeps nothing on disk unless it was given a folder", async () => {
    const world = await worldOf(3);
    await using replica = await openWorld(world);
    expect(replica.mount.status().indexCache).toBeUndefined();
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
  });

  it("does not use the index of another object of the same name and size", async () => {
    const world = await worldOf(0);
    await world.write({ pages: [3, 4] });
    await openOnce(world);
    const other = new World({ pageSize: 4096, isRandom: true });
    await other.write({ pages: range(1, 200) });
    await other.write({ pages: [5, 6] });
    const body = await other.body(0, 2, 2);
    expect(body.byteLength).toBe((await world.body(0, 2, 2)).byteLength);
    await world.put(0, 2, 2, body);
    await using replica = await openWorld(world, { indexCacheDir: folder });
    expect(replica.mount.status().indexCache).toMatchObject({ hitCount: 1, missCount: 1 });
    using snapshot = replica.snapshot();
    expect(await snapshot.readPage(5)).toEqual(other.pageAt(2, 5));
    expect(await snapshot.readPage(3)).toEqual(other.pageAt(2, 3));
  });

  it("ignores and replaces what is damaged", async () => {
    const world = await worldOf(3);
    await openOnce(world);
    const path = await onlyFile();
    const sound = await readFile(path);
    const wrong = [
      new Uint8Array(),
      sound.subarray(0, 30),
      sound.subarray(0, sound.length - 1),
      Buffer.concat([sound, Buffer.alloc(1)]),
      ...[0, 9, 41, 60, sound.length - 5].map((at) => {
        const bytes = Buffer.from(sound);
        bytes[at]! ^= 1;
        return bytes;
      }),
    ];
    for (const bytes of wrong) {
      await writeFile(path, bytes);
      const { gets, status } = await openOnce(world);
      expect(gets).toBe(5);
      expect(status?.lastError?.message).toMatch(/damaged/);
      expect(await readFile(path)).toEqual(sound);
    }
    expect(await openOnce(world)).toMatchObject({ gets: 0 });
  });

  it("is for this user alone", async () => {
    await openOnce(await worldOf(1));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(await onlyFile())).mode & 0o777).toBe(0o600);
  });

  it("follows no link that somebody put in its place", async () => {
    const world = await worldOf(1);
    await openOnce(world);
    const path = await onlyFile();
    const target = join(root, "target");
    await writeFile(target, await readFile(path));
    await rm(path);
    await symlink(target, path);
    await writeFile(target, "precious");
    const { gets, status } = await openOnce(world);
    expect(gets).toBe(3);
    expect(status?.lastError?.code).toBe("ELOOP");
    expect(await readFile(target, "utf8")).toBe("precious");
    expect((await lstat(path)).isFile()).toBe(true);
  });

  it("is not used in a folder that others may write to, or in none at all", async () => {
    const world = await worldOf(1);
    await mkdir(folder, { mode: 0o700 });
    await chmod(folder, 0o777);
    const { gets, status } = await openOnce(world);
    expect(gets).toBe(3);
    expect(status?.lastError?.message).toMatch(/other users/);
    expect(await readdir(folder)).toEqual([]);

    await rm(folder, { recursive: true });
    await writeFile(folder, "a file");
    expect((await openOnce(world)).status?.lastError).toBeDefined();
  });

  it("refuses an empty name", async () => {
    await expect(openWorld(await worldOf(1), { indexCacheDir: "" })).rejects.toThrow(
      "indexCacheDir",
    );
  });
});

describe("CacheFolder", () => {
  const names = async () => (await readdir(folder)).sort();

  it("removes the least recently used files until the others fit, and nothing else", async () => {
    const cache = new CacheFolder({
      path: folder,
      suffix: ".index",
      bytesMax: 250,
      clock: systemClock,
    });
    await cache.write("a", new Uint8Array(100));
    await cache.write("b", new Uint8Array(100));
    await writeFile(join(folder, "notes.txt"), "n".repeat(1000));
    await utimes(join(folder, "a.index"), 1000, 1000);
    await utimes(join(folder, "b.index"), 900, 900);
    expect(await cache.read("b")).toHaveLength(100);
    await cache.write("c", new Uint8Array(100));
    expect(await names()).toEqual(["b.index", "c.index", "notes.txt"]);
    expect(await cache.read("a")).toBeUndefined();
  });

  it("does not read what is larger than the folder may be", async () => {
    const cache = new CacheFolder({
      path: folder,
      suffix: ".index",
      bytesMax: 10,
      clock: systemClock,
    });
    await mkdir(folder);
    await writeFile(join(folder, "a.index"), "x".repeat(11));
    expect(await cache.read("a")).toBeUndefined();
  });

  it("removes drafts that were left behind, once they are old", async () => {
    const cache = new CacheFolder({
      path: folder,
      suffix: ".index",
      bytesMax: 250,
      clock: systemClock,
    });
    await mkdir(folder);
    for (const name of ["a.index.1.tmp", "b.index.2.tmp", "c.tmp"]) {
      await writeFile(join(folder, name), "x");
    }
    await utimes(join(folder, "a.index.1.tmp"), 1000, 1000);
    await utimes(join(folder, "c.tmp"), 1000, 1000);
    await cache.read("z");
    expect(await names()).toEqual(["b.index.2.tmp", "c.tmp"]);
  });

  it("writes although a process of the same number has left a draft", async () => {
    const options = { path: folder, suffix: ".index", bytesMax: 250, clock: systemClock };
    await mkdir(folder);
    await writeFile(join(folder, `a.index.${process.pid}.tmp`), "x");
    const caches = [new CacheFolder(options), new CacheFolder(options)];
    await Promise.all(caches.map((cache) => cache.write("a", new Uint8Array(100))));
    expect(await caches[0]!.read("a")).toHaveLength(100);
    expect(await names()).toEqual(["a.index", `a.index.${process.pid}.tmp`]);
  });
});

describe("an index pack", () => {
  const file = { size: 10, version: "1", pageSize: 512, pageCount: 3, indexBytes: Buffer.of(1) };
  const files = [
    { ...file, key: "a", createdAtMs: 1_800_000_000_000 },
    { ...file, key: "b", createdAtMs: 1_800_000_000_123, pageCount: 0 },
    { ...file, key: "ü", createdAtMs: -5, size: 2 ** 40, version: '"x"', indexBytes: Buffer.of() },
  ];

  it("gives back what it was made of", () => {
    const found = decodePack(encodePack("here", files), "here");
    expect(found?.map((file) => ({ ...file, indexBytes: Buffer.from(file.indexBytes) }))).toEqual(
      files,
    );
  });

  it("is nothing for another replica, or when any byte of it changed or is missing", () => {
    const bytes = encodePack("here", files);
    expect(decodePack(bytes, "there")).toBeUndefined();
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at]! ^= 1 << (at % 8);
      expect(decodePack(changed, "here"), `byte ${at}`).toBeUndefined();
      expect(decodePack(bytes.subarray(0, at), "here"), `length ${at}`).toBeUndefined();
    }
  });

  it("lies as its description says", async () => {
    const url = new URL("../../../docs/format/index-cache.md", import.meta.url);
    const text = await readFile(url, "utf8");
    const rows = [...text.matchAll(/^\| (\w+) +\| (\d+) +\| (\d+) +\|/gm)];
    const described = rows.map(([, name, offset, size]) => ({
      name,
      offset: Number(offset),
      size: Number(size),
    }));
    expect(described).toEqual(PACK_LAYOUT);
    expect(text).toContain(`\`${PACK_MAGIC}\``);
  });
});
