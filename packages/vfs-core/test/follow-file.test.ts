import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MemoryBucket, MemoryStore } from "@headwater/object-store/memory";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockInMemory } from "../src/device/memory-locks.ts";
import {
  type FollowEvent,
  type FollowPoint,
  followReplica,
  type OfflineReplica,
  openOfflineReplica,
  readFollowPoint,
  restoreReplica,
  writeFollowPoint,
} from "../src/offline/index.ts";
import { makeSqliteImage, putImage, putPages } from "./support/sqlite-image.ts";

const PLACE = { path: "db", url: "memory:follow/db" };
const ENDED = new Error("the test is over");

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "headwater-follow-"));
  path = join(folder, "app.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const locks = { lockFile: lockInMemory };

async function restored(): Promise<{
  readonly offline: OfflineReplica;
  readonly bucket: MemoryBucket;
  readonly point: FollowPoint;
}> {
  const bucket = new MemoryBucket("follow");
  const store = new MemoryStore({ bucket });
  await putImage(store, PLACE.path, makeSqliteImage(512, "create table t(n)"));
  const offline = openOfflineReplica({ store, ...PLACE });
  const options = { path, target: { type: "latest" }, locks, isFollower: true } as const;
  const { point } = await restoreReplica(offline, options);
  await writeFollowPoint(offline.replica, path, point);
  return { offline, bucket, point };
}

function follow(offline: OfflineReplica, point: FollowPoint, events: FollowEvent[] = []) {
  const end = new AbortController();
  const connection = new DatabaseSync(path);
  const lock = {
    async lock() {
      connection.exec("begin exclusive");
      return () => connection.exec("rollback");
    },
  };
  const following = followReplica(offline, point, {
    path,
    intervalMs: 1,
    lock,
    locks,
    onEvent: (event) => events.push(event),
    signal: end.signal,
  }).finally(() => connection.close());
  return { following, stop: () => end.abort(ENDED) };
}

const CHANGED = makeSqliteImage(512, "create table t(n); insert into t values (1)");

/** What is told until that transaction is there. */
async function followTo(txid: bigint, offline: OfflineReplica, point: FollowPoint) {
  const events: FollowEvent[] = [];
  const { following, stop } = follow(offline, point, events);
  const ended = expect(following).rejects.toBe(ENDED);
  await expect.poll(() => events.at(-1)).toMatchObject({ type: "applied", txid });
  stop();
  await ended;
  return events;
}

describe("a file that follows", () => {
  it("is followed by one process, and lets go at the end", async () => {
    const { offline, point } = await restored();
    const first = follow(offline, point);
    await expect(follow(offline, point).following).rejects.toMatchObject({ code: "IMAGE_LOCKED" });
    first.stop();
    await expect(first.following).rejects.toBe(ENDED);
    const second = follow(offline, point);
    second.stop();
    await expect(second.following).rejects.toBe(ENDED);
    expect(existsSync(`${path}.following.lock`)).toBe(false);
  });

  it("does not go on with another database in the place of its own", async () => {
    const { offline, point } = await restored();
    const { store } = offline.replica;
    await store.deleteMany(["db/0009/0000000000000001-0000000000000001.ltx"]);
    await putImage(store, PLACE.path, makeSqliteImage(512, "create table other(n)"));
    const { following } = follow(offline, point);
    await expect(following).rejects.toMatchObject({ code: "REPLICA_RESET" });
    const database = new DatabaseSync(path);
    expect(database.prepare("select name from sqlite_schema").all()).toEqual([{ name: "t" }]);
    database.close();
  });

  it("is left as it is when the pages of its replica have another size", async () => {
    const { offline, point } = await restored();
    const vacuumed = makeSqliteImage(4096, "create table other(n)");
    const file = { level: 0, txid: 2n, pgnos: [1, 2] };
    await putPages(offline.replica.store, PLACE.path, vacuumed, file);
    const { following } = follow(offline, point);
    await expect(following).rejects.toMatchObject({ code: "REPLICA_RESET" });
    const database = new DatabaseSync(path);
    expect(database.prepare("select name from sqlite_schema").all()).toEqual([{ name: "t" }]);
    database.close();
  });

  it("is made anew when nothing is there any more that it was made of", async () => {
    const { offline, point } = await restored();
    const { store } = offline.replica;
    await putPages(store, PLACE.path, CHANGED, { level: 0, txid: 2n, pgnos: [1, 2] });
    await followTo(2n, offline, point);
    const left = (await readFollowPoint(offline.replica, path))!;
    await store.deleteMany([point.lastKey, left.lastKey]);
    // Another database, which has gone farther, and of which retention has taken the beginning.
    const other = makeSqliteImage(512, "create table other(n); create table more(n)");
    const base = { level: 9, minTxid: 1n, txid: 2n, pgnos: [1, 2, 3] };
    await putPages(store, PLACE.path, other, base);
    await putPages(store, PLACE.path, other, { level: 0, txid: 3n, pgnos: [3] });
    const events = await followTo(3n, offline, left);
    expect(events).toMatchObject([{ type: "waiting" }, { type: "applied", txid: 3n }]);
    const database = new DatabaseSync(path);
    expect(database.prepare("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
    const names = database.prepare("select name from sqlite_schema").all();
    expect(names).toEqual([{ name: "other" }, { name: "more" }]);
    database.close();
    expect(readdirSync(folder).sort()).toEqual(["app.db", "app.db.following"]);
  });

  it("goes on while an older file of its history is there", async () => {
    const { offline, point } = await restored();
    const { store } = offline.replica;
    const file = { level: 0, txid: 2n, pgnos: [1, 2] };
    await putPages(store, PLACE.path, CHANGED, file);
    await followTo(2n, offline, point);
    const left = (await readFollowPoint(offline.replica, path))!;
    await putPages(store, PLACE.path, CHANGED, { ...file, txid: 3n });
    // As retention does, once that is in a level above.
    await store.deleteMany([left.lastKey]);
    const events = await followTo(3n, offline, left);
    expect(events).toMatchObject([{ type: "applied", txid: 3n }]);
  });

  it("remembers which state of which replica it is", async () => {
    const { offline, point } = await restored();
    expect(await readFollowPoint(offline.replica, path)).toEqual(point);
    const elsewhere = openOfflineReplica({ ...PLACE, store: new MemoryStore(), path: "other" });
    expect(await readFollowPoint(elsewhere.replica, path)).toBeUndefined();
    expect(await readFollowPoint(offline.replica, join(folder, "none.db"))).toBeUndefined();
    for (const text of ["", "somebody's", "null"]) {
      writeFileSync(`${path}.following`, text);
      expect(await readFollowPoint(offline.replica, path), text).toBeUndefined();
    }
  });

  it("is no state that it was before, once another one has taken its place", async () => {
    const { offline } = await restored();
    await putPages(offline.replica.store, PLACE.path, CHANGED, {
      level: 0,
      txid: 2n,
      pgnos: [1, 2],
    });
    const options = { path, locks, isFollower: true, overwrite: true } as const;
    const { point } = await restoreReplica(offline, { ...options, target: { type: "latest" } });
    await writeFollowPoint(offline.replica, path, point);
    const target = { type: "txid", txid: 1n } as const;
    await restoreReplica(offline, { path, locks, overwrite: true, target });
    expect(await readFollowPoint(offline.replica, path)).toBeUndefined();
  });
});
