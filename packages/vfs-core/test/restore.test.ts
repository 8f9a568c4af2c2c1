import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mergeLtx } from "@headwater/ltx";
import type { ObjectStore } from "@headwater/object-store";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockInMemory } from "../src/device/memory-locks.ts";
import { RESTORE_PARALLEL } from "../src/limits.ts";
import { openOfflineReplica, type RestoreOptions, restoreReplica } from "../src/offline/index.ts";
import type { PlanTarget } from "../src/restore-plan.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";

const LATEST: PlanTarget = { type: "latest" };
/** A few pieces. */
const LARGE = 2000;

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "headwater-restore-"));
  path = join(folder, "app.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function restore(world: World, options: Partial<RestoreOptions> & { store?: ObjectStore } = {}) {
  const { store = world.store, ...others } = options;
  const offline = openOfflineReplica({ ...world, store, path: world.path, url: world.url });
  return restoreReplica(offline, {
    path,
    target: LATEST,
    locks: { lockFile: lockInMemory },
    ...others,
  });
}

/** A snapshot of several pieces, and a change on top of it. */
async function largeWorld(): Promise<World> {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, LARGE) });
  await world.snapshot(1);
  await world.remove(0, 1, 1);
  await world.write({ pages: [3, 1500, LARGE + 1] });
  return world;
}

/** The store, whose requests for pieces fail once so many were answered. */
function failingAfter(world: World, count: number): ObjectStore {
  let left = count;
  const { store } = world;
  return storeWith(store, {
    get: async (key, options) => {
      const { range } = options ?? {};
      const isPiece = range !== undefined && "length" in range && range.length > 1_000_000;
      if (isPiece && left === 0) throw new TypeError("the process ends here");
      if (isPiece) left -= 1;
      return store.get(key, options);
    },
  });
}

/** The store, but for one bit of a page in the first answer of a piece. */
function spoiling(world: World): ObjectStore {
  let isSpoilt = false;
  const { store } = world;
  return storeWith(store, {
    get: async (key, options) => {
      const answer = await store.get(key, options);
      if (isSpoilt || answer.body.byteLength < 1_000_000) return answer;
      isSpoilt = true;
      // Random pages do not compress, so this byte is one of a page.
      const body = Uint8Array.from(answer.body);
      body[500_000] = body[500_000]! ^ 1;
      return { ...answer, body };
    },
  });
}

function pieceRequests(world: World): number {
  const isPiece = ({ bytesRead }: { readonly bytesRead: number }) => bytesRead > 1_000_000;
  return world.requests.filter(isPiece).length;
}

describe("a restored file", () => {
  it("is what the replica amounts to, through growing and shrinking", async () => {
    const world = new World();
    await world.write({ pages: range(1, 40), timestampMs: 1000 });
    await world.write({ pages: [2, 7, 41], timestampMs: 2000 });
    await world.write({ pages: [1], pageCount: 5, timestampMs: 3000 });
    await world.write({ pages: range(6, 60), timestampMs: 4000 });
    await world.write({ pages: [59, 60], timestampMs: 5000 });
    for (let txid = 1; txid <= world.txid; txid += 1) {
      const target = { type: "txid", txid: BigInt(txid) } as const;
      const result = await restore(world, { target, overwrite: true });
      expect(result).toMatchObject({ txid: BigInt(txid), pageSize: 512, fileCount: txid });
      expect(readFileSync(path).equals(world.imageAt(txid))).toBe(true);
    }
    await world.compact(1, [
      [0, 2, 2],
      [0, 3, 3],
      [0, 4, 4],
    ]);
    await world.snapshot(1);
    const result = await restore(world, { overwrite: true });
    expect(result).toMatchObject({ txid: 5n, fileCount: 3, createdAtMs: 5000 });
    expect(readFileSync(path).equals(world.imageAt(5))).toBe(true);
    expect(readdirSync(folder)).toEqual(["app.db"]);
  });

  it("is of the moment that is asked for, where listings do not tell times", async () => {
    const world = new World({ supports: { listedTimestamp: false } });
    await world.write({ pages: range(1, 4), timestampMs: 1000 });
    await world.write({ pages: [2], timestampMs: 2000 });
    await world.write({ pages: [3], timestampMs: 3000 });
    const target = { type: "timestamp", timestampMs: 3000 } as const;
    expect(await restore(world, { target })).toMatchObject({ txid: 2n, createdAtMs: 2000 });
    expect(readFileSync(path).equals(world.imageAt(2))).toBe(true);
    const early = restore(world, {
      target: { type: "timestamp", timestampMs: 500 },
      overwrite: true,
    });
    await expect(early).rejects.toMatchObject({ code: "MOMENT_NOT_FOUND" });
    expect(readFileSync(path).equals(world.imageAt(2))).toBe(true);
  });

  it("comes in pieces where a file is large, and tells how far it is", async () => {
    const world = await largeWorld();
    const seen: number[] = [];
    let total = 0;
    const { bytesKept } = await restore(world, {
      onProgress({ bytesDone, bytesTotal }) {
        seen.push(bytesDone);
        total = bytesTotal;
      },
    });
    expect(readFileSync(path).equals(world.imageAt(2))).toBe(true);
    expect(pieceRequests(world)).toBeGreaterThan(2);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(total);
    expect(bytesKept).toBe(0);
  });
});

describe("a large file", () => {
  it("has its pieces fetched at once, so many and no more", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 3 * LARGE) });
    await world.snapshot(1);
    let [now, most] = [0, 0];
    const store = storeWith(world.store, {
      get: async (key, options) => {
        now += 1;
        most = Math.max(most, now);
        // Whoever is asked at once is counted before anybody is answered.
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
        return world.store.get(key, options);
      },
    });
    await restore(world, { store });
    expect(most).toBe(RESTORE_PARALLEL);
    expect(readFileSync(path).equals(world.imageAt(1))).toBe(true);
  });

  it("may have its pages as Litestream wrote them before 0.5.16", async () => {
    const world = await largeWorld();
    const inputs = [await world.body(9, 1, 1)];
    const { bytes } = await mergeLtx(inputs, { encoding: "frame" }).bytes();
    await world.put(9, 1, 1, bytes);
    await restore(world);
    expect(readFileSync(path).equals(world.imageAt(2))).toBe(true);
  });
});

describe("a restore that was cut short", () => {
  it("goes on where it was, although files have come and gone meanwhile", async () => {
    const world = await largeWorld();
    await expect(restore(world, { store: failingAfter(world, 2) })).rejects.toThrow("ends here");
    expect(existsSync(path)).toBe(false);
    await world.write({ pages: [4, 1501] });
    await world.compact(1, [
      [0, 2, 2],
      [0, 3, 3],
    ]);
    await world.remove(0, 2, 2);
    world.requests.length = 0;
    const { bytesKept } = await restore(world);
    expect(bytesKept).toBeGreaterThan(2e6);
    expect(readFileSync(path).equals(world.imageAt(3))).toBe(true);
    const whole = await largeWorld();
    await restore(whole, { overwrite: true });
    expect(pieceRequests(world)).toBe(pieceRequests(whole) - 2);
    expect(readdirSync(folder)).toEqual(["app.db"]);
  });

  it("begins anew when what it had been sent was damaged on the way", async () => {
    const world = await largeWorld();
    const failure = restore(world, { store: spoiling(world) });
    await expect(failure).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(readdirSync(folder)).toEqual([]);
    expect(await restore(world)).toMatchObject({ bytesKept: 0 });
    expect(readFileSync(path).equals(world.imageAt(2))).toBe(true);
  });

  it("goes on where it was, although the store was away meanwhile", async () => {
    const world = await largeWorld();
    await expect(restore(world, { store: failingAfter(world, 2) })).rejects.toThrow("ends here");
    const away = storeWith(world.store, {
      list: () => {
        throw new TypeError("the store is away");
      },
    });
    await expect(restore(world, { store: away })).rejects.toThrow("is away");
    const { bytesKept } = await restore(world);
    expect(bytesKept).toBeGreaterThan(2e6);
    expect(readFileSync(path).equals(world.imageAt(2))).toBe(true);
  });

  it("leaves nothing on a disk on which it could not write down what it had", async () => {
    const world = await largeWorld();
    // What cannot be taken away, where the record is to be made.
    const draft = `${path}.restoring.record.tmp`;
    mkdirSync(draft);
    await expect(restore(world, { store: failingAfter(world, 2) })).rejects.toThrow("ends here");
    expect(readdirSync(folder)).toEqual(["app.db.restoring.record.tmp"]);
  });

  it("begins anew for an earlier moment, another base, or without what it had", async () => {
    const world = await largeWorld();
    const cut = () => restore(world, { store: failingAfter(world, 2) });
    await expect(cut()).rejects.toThrow("ends here");
    const target = { type: "txid", txid: 1n } as const;
    expect(await restore(world, { target })).toMatchObject({ bytesKept: 0 });
    expect(readFileSync(path).equals(world.imageAt(1))).toBe(true);
    rmSync(path);

    await expect(cut()).rejects.toThrow("ends here");
    rmSync(`${path}.restoring`);
    expect(await restore(world)).toMatchObject({ bytesKept: 0 });
    rmSync(path);

    await expect(cut()).rejects.toThrow("ends here");
    await world.snapshot(2);
    expect(await restore(world)).toMatchObject({ bytesKept: 0 });
    expect(readFileSync(path).equals(world.imageAt(2))).toBe(true);
  });
});

describe("a restore refuses", () => {
  it("a large file whose pages are not what its checksum says", async () => {
    const world = await largeWorld();
    const body = await world.body(9, 1, 1);
    // Random pages do not compress, so this byte is one of a page.
    body[3_000_000] = body[3_000_000]! ^ 1;
    await world.put(9, 1, 1, body);
    await expect(restore(world)).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(existsSync(path)).toBe(false);
  });

  it("a large file between whose pages its index leaves bytes out", async () => {
    const world = await largeWorld();
    const body = await world.body(9, 1, 1);
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    const indexOffset = body.byteLength - 24 - Number(view.getBigUint64(body.byteLength - 24));
    // The low bits of where the second page begins, and of how long it is.
    body[indexOffset + 5] = body[indexOffset + 5]! + 1;
    body[indexOffset + 7] = body[indexOffset + 7]! - 1;
    await world.put(9, 1, 1, body);
    await expect(restore(world)).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("to take the place of what is there, unless it is told to", async () => {
    const world = new World();
    await world.write({ pages: range(1, 4) });
    for (const name of ["app.db", "app.db-wal", "app.db-journal"]) {
      writeFileSync(join(folder, name), "somebody's");
      await expect(restore(world)).rejects.toMatchObject({ code: "OPTION_INVALID" });
      expect(readFileSync(join(folder, name), "utf8")).toBe("somebody's");
      await restore(world, { overwrite: true });
      expect(readdirSync(folder)).toEqual(["app.db"]);
      rmSync(path);
    }
  });

  it("to take the place of what is no file, whatever it is told", async () => {
    const world = new World();
    await world.write({ pages: range(1, 4) });
    const target = join(folder, "folder");
    mkdirSync(target);
    symlinkSync(target, join(folder, "to-a-folder"));
    // As /dev/stdout is one.
    symlinkSync("/dev/null", join(folder, "to-a-device"));
    for (const name of ["folder", "to-a-folder", "to-a-device"]) {
      const failure = restore(world, { path: join(folder, name), overwrite: true });
      await expect(failure, name).rejects.toMatchObject({ code: "OPTION_INVALID" });
    }
    expect(readlinkSync(join(folder, "to-a-device"))).toBe("/dev/null");
    expect(readdirSync(folder).sort()).toEqual(["folder", "to-a-device", "to-a-folder"]);
  });

  it("what somebody else is restoring", async () => {
    const world = new World();
    await world.write({ pages: range(1, 4) });
    const held = lockInMemory(`${path}.restoring.lock`, "");
    await expect(restore(world)).rejects.toMatchObject({ code: "IMAGE_LOCKED" });
    if (held.type === "locked") held.lock.release();
    await restore(world);
  });

  it("where there is nothing, or a gap, or no room to write to", async () => {
    const empty = new World();
    const target = { type: "txid", txid: 2n } as const;
    for (const options of [{}, { target }]) {
      const failure = restore(empty, options);
      await expect(failure).rejects.toMatchObject({ code: "REPLICA_NOT_FOUND" });
    }
    const world = new World();
    await world.write({ pages: range(1, 4) });
    await world.write({ pages: [1], isPut: false });
    await world.write({ pages: [2] });
    await expect(restore(world)).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    await expect(restore(world, { target })).rejects.toMatchObject({ code: "MOMENT_NOT_FOUND" });
    expect(readdirSync(folder)).toEqual([]);
    const nowhere = join(folder, "no-such-folder", "app.db");
    await expect(restore(world, { path: nowhere })).rejects.toMatchObject({ code: "IMAGE_FAILED" });
  });
});
