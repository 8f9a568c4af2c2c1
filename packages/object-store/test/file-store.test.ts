import { mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type ObjectStore, ObjectStoreError } from "@headwater/object-store";
import { FileStore } from "@headwater/object-store/file";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startScript } from "./processes.ts";

const ALWAYS = { condition: { type: "none" } } as const;
const IF_ABSENT = { condition: { type: "if-absent" } } as const;
const ifVersion = (version: string) => ({ condition: { type: "if-version", version } }) as const;
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (body: Uint8Array) => new TextDecoder().decode(body);

let root: string;
let store: FileStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "file-store-"));
  store = new FileStore({ root });
});

afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true });
});

async function keysOf(listed: ObjectStore, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of listed.list(prefix)) keys.push(key);
  return keys;
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return ObjectStoreError.is(error) ? error.code : String(error);
}

async function leftovers(folder: string): Promise<string[]> {
  return readdir(join(root, folder, ".headwater"));
}

describe("FileStore", () => {
  it("lays out files as Litestream does: path, time, and rights", async () => {
    const key = "ltx/0/0000000000000001-0000000000000001.ltx";
    const timestampMs = Date.UTC(2026, 0, 15, 10, 30, 25, 638);
    await store.put(key, bytes("page"), { ...IF_ABSENT, timestampMs });
    const file = await stat(join(root, key), { bigint: true });
    expect(Number(file.mtimeNs / 1_000_000n)).toBe(timestampMs);
    expect(Number(file.mode) & 0o777).toBe(0o600);
    expect((await stat(join(root, "ltx", "0"))).mode & 0o777).toBe(0o700);
    // What Litestream lists there: names that it knows, and one folder that it does not.
    expect(await readdir(join(root, "ltx", "0"))).toEqual([
      ".headwater",
      "0000000000000001-0000000000000001.ltx",
    ]);
  });

  it("reads what others wrote, with their time", async () => {
    await mkdir(join(root, "ltx", "9"), { recursive: true });
    const path = join(root, "ltx", "9", "0000000000000001-0000000000000005.ltx");
    await writeFile(path, "snapshot");
    await utimes(path, 1_700_000_000.5, 1_700_000_000.25);
    const { meta, body } = await store.get("ltx/9/0000000000000001-0000000000000005.ltx");
    expect(meta).toMatchObject({ size: 8, timestampMs: 1_700_000_000_250 });
    expect(text(body)).toBe("snapshot");
    await utimes(path, 1, 1_700_000_000.251);
    expect((await store.head(meta.key)).version).not.toBe(meta.version);
  });

  it("gives every content its own version, though time, size and speed are the same", async () => {
    const versions = new Set<string>();
    const timestampMs = 1_700_000_000_000;
    for (let count = 0; count < 200; count += 1) {
      const meta = await store.put("k", bytes(`${count % 2}`), { ...ALWAYS, timestampMs });
      versions.add(meta.version);
    }
    expect(versions.size).toBe(200);
  });

  it("tells of an empty store where there is no folder", async () => {
    const absent = new FileStore({ root: join(root, "absent") });
    expect(await keysOf(absent)).toEqual([]);
    expect(await codeOf(absent.get("k"))).toBe("OBJECT_NOT_FOUND");
    await absent.delete("k");
    await absent.put("k", bytes("1"), IF_ABSENT);
    expect(await keysOf(absent)).toEqual(["k"]);
  });

  it("refuses what a file system cannot hold", async () => {
    await store.put("a", bytes("1"), ALWAYS);
    expect(await codeOf(store.put("a/b", bytes("2"), ALWAYS))).toBe("UNSUPPORTED");
    await store.put("c/d", bytes("1"), ALWAYS);
    expect(await codeOf(store.put("c", bytes("2"), ALWAYS))).toBe("UNSUPPORTED");
    expect(await codeOf(store.put("n".repeat(300), bytes("2"), ALWAYS))).toBe("UNSUPPORTED");
    expect(await codeOf(store.get("c"))).toBe("OBJECT_NOT_FOUND");
    expect(await codeOf(store.get("a/b"))).toBe("OBJECT_NOT_FOUND");
    await store.delete("a/b");
    for (const key of ["/abs", "a//b", "dir/", ".headwater", "x/.headwater/y"]) {
      await expect(store.put(key, bytes("1"), ALWAYS)).rejects.toBeInstanceOf(RangeError);
    }
    expect(() => new FileStore({ root: "relative" })).toThrow(TypeError);
  });

  it("lists files only: no folders, no links to folders, none of its own files", async () => {
    await store.put("a/b", bytes("1"), ALWAYS);
    await mkdir(join(root, "empty"));
    await symlink(root, join(root, "loop"));
    await writeFile(join(root, "a", ".headwater", "temp.someone.1"), "half");
    expect(await keysOf(store)).toEqual(["a/b"]);
    expect(await keysOf(store, ".headwater/")).toEqual([]);
    expect(await keysOf(store, "a/.")).toEqual([]);
  });

  it("leaves nothing behind: not after a loss, an abort or a failure", async () => {
    await store.put("d/k", bytes("1"), ALWAYS);
    expect(await codeOf(store.put("d/k", bytes("2"), IF_ABSENT))).toBe("OBJECT_EXISTS");
    expect(await codeOf(store.put("d/k", bytes("2"), ifVersion("x")))).toBe("OBJECT_CHANGED");
    const controller = new AbortController();
    const put = store.put("d/big", new Uint8Array(64 << 20), {
      ...ALWAYS,
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(new Error("stop")), 5);
    await expect(put).rejects.toThrow("stop");
    expect(await leftovers("d")).toEqual([]);
    expect(await keysOf(store)).toEqual(["d/k"]);
  });
});

describe("FileStore between processes", () => {
  it("loses no update when 5 processes count to 100", async () => {
    await store.put("n", bytes("0"), ALWAYS);
    const names = ["a", "b", "c", "d", "e"];
    const outputs = await Promise.all(
      names.map((name) => startScript("increment.ts", root, "n", "20", name).output),
    );
    expect(text((await store.get("n")).body)).toBe("100");
    const values = outputs
      .join("")
      .trim()
      .split("\n")
      .map((line) => Number(line.split(" ")[1]));
    expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
    expect(await leftovers("")).toEqual([]);
  });

  it("lets one process create each object", async () => {
    const names = ["a", "b", "c", "d"];
    const outputs = await Promise.all(
      names.map((name) => startScript("create.ts", root, "100", name).output),
    );
    const won = outputs.flatMap((output) => output.split("\n").filter((line) => line !== ""));
    expect(won.toSorted()).toEqual(Array.from({ length: 100 }, (_, n) => `${n}`).toSorted());
    for (const [index, output] of outputs.entries()) {
      const [first] = output.split("\n");
      if (!first) continue;
      expect(text((await store.get(`race/${first}`)).body)).toBe(names[index]);
    }
  });

  it("goes on after processes were killed at any moment, and tidies up after them", async () => {
    await store.put("n", bytes("0"), ALWAYS);
    let printed = 0;
    for (let round = 0; round < 6; round += 1) {
      const scripts = ["a", "b"].map((name) =>
        startScript("increment.ts", root, "n", "100000", name),
      );
      // A loaded machine takes its time to start them; each round kills a little later.
      await Promise.all(scripts.map(({ started }) => started));
      await new Promise((resolve) => setTimeout(resolve, round * 7));
      for (const { child } of scripts) child.kill("SIGKILL");
      for (const { output } of scripts) printed += (await output).split("\n").length - 1;
    }
    const before = Number(text((await store.get("n")).body));
    // A process may be killed between its put and its line.
    expect(before).toBeGreaterThanOrEqual(printed);
    expect(before).toBeLessThanOrEqual(printed + 12);
    expect(printed).toBeGreaterThan(0);
    await startScript("increment.ts", root, "n", "5", "after").output;
    expect(text((await store.get("n")).body)).toBe(`${before + 5}`);
    expect(await leftovers("")).toEqual([]);
  });

  it("does not wait for a thread that ended while it held a lock", async () => {
    await store.put("k", bytes("1"), ALWAYS);
    const worker = new Worker(join(import.meta.dirname, "processes", "hold-lock.ts"), {
      workerData: { folder: join(root, ".headwater"), name: "k" },
    });
    await new Promise((resolve) => worker.once("message", resolve));
    expect(await leftovers("")).toHaveLength(1);
    const blocked = store.put("k", bytes("2"), { ...ALWAYS, signal: AbortSignal.timeout(200) });
    await expect(blocked).rejects.toThrow("timeout");
    await worker.terminate();
    await store.put("k", bytes("3"), ALWAYS);
    expect(text((await store.get("k")).body)).toBe("3");
    expect(await leftovers("")).toEqual([]);
  });
});
