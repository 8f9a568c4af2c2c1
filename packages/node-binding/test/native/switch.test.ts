import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { native } from "../../src/native.ts";
import { bareMount } from "../support/bare-mount.ts";
import { tempDir } from "../support/temp-dir.ts";

const SHOWN = 4_000;
const BODY = "select body from t";

/** A mount in read mode of a database whose own change counter is `own`, all of it resident. */
function readMount(name: string, own: number) {
  // Starts the engine of this thread, and teaches the driver.
  bareMount(tempDir()).close();
  const folder = tempDir();
  const path = join(folder, "image");
  const plain = new Database(path);
  plain.exec("create table t(body); insert into t values ('old')");
  plain.close();
  const bytes = readFileSync(path);
  bytes.writeUInt32BE(own, 24);
  bytes.writeUInt32BE(own, 92);
  writeFileSync(path, bytes);
  const pageCount = bytes.length / 4096;
  const id = native.mountCreate(name, false, 4096, 5000, 0, 1n, pageCount, SHOWN, 0, false);
  native.imageOpen(id, path, true);
  native.imageMark(
    id,
    Uint32Array.from({ length: pageCount }, (_, index) => index + 1),
    true,
  );
  native.mountActivate(id);
  onTestFinished(() => native.mountClose(id, "the test is over"));
  const open = () => {
    const connection = new Database(`file:${name}?vfs=headwater`);
    onTestFinished(() => void connection.close());
    return connection;
  };
  const promote = () => {
    native.journalRotate(id, join(folder, "segment"), 1n);
    expect(native.switchMode(id, true, bytes.subarray(0, 4096))).toBe(true);
  };
  return { id, open, promote };
}

function body(connection: Database.Database): unknown {
  return connection.prepare(BODY).pluck().get();
}

describe("a mount that changes its mode", () => {
  it("never shows what a connection cached under a number that comes up again", () => {
    // SQLite's own count would come to the number that read mode had shown.
    const mount = readMount("collision.db", SHOWN - 1);
    const idle = mount.open();
    expect(body(idle)).toBe("old");
    mount.promote();
    mount.open().exec("update t set body = 'new'");
    expect(body(idle)).toBe("new");
  });

  it("goes on counting, in either direction", () => {
    const mount = readMount("count.db", 77);
    const writer = mount.open();
    expect(body(writer)).toBe("old");
    mount.promote();
    for (const value of ["a", "b", "c"]) writer.exec(`update t set body = '${value}'`);
    const pageOne = new Uint8Array(4096);
    native.journalRead(mount.id, Uint32Array.of(1), native.mountState(mount.id).seq, pageOne);
    native.journalEnd(mount.id);
    expect(native.switchMode(mount.id, false, pageOne)).toBe(true);
    expect(native.mountState(mount.id).changeCounter).toBe(SHOWN + 3);
  });

  it("keeps a snapshot, and what it was shown, across the change", () => {
    const mount = readMount("snapshot.db", 9);
    const reader = mount.open();
    reader.exec("begin");
    expect(body(reader)).toBe("old");
    mount.promote();
    mount.open().exec("update t set body = 'new'");
    expect(body(reader)).toBe("old");
    expect(reader.pragma("integrity_check", { simple: true })).toBe("ok");
    reader.exec("commit");
    expect(body(reader)).toBe("new");
  });

  it("lets a transaction that began by reading go on to write", () => {
    const mount = readMount("upgrade.db", 9);
    const connection = mount.open();
    connection.exec("begin");
    expect(body(connection)).toBe("old");
    expect(() => connection.exec("update t set body = 'x'")).toThrow(/readonly/);
    mount.promote();
    connection.exec("update t set body = 'new'; commit");
    expect(body(mount.open())).toBe("new");
  });

  it("does not change it in the middle of a write transaction", () => {
    const mount = readMount("open.db", 9);
    mount.promote();
    const writer = mount.open();
    writer.exec("begin immediate");
    expect(native.isWriting(mount.id)).toBe(true);
    expect(native.switchMode(mount.id, false)).toBe(false);
    writer.exec("commit");
    expect(native.isWriting(mount.id)).toBe(false);
  });
});

describe("a segment that is only looked at", () => {
  it("changes nothing of the mount", () => {
    const folder = tempDir();
    const other = bareMount(folder);
    other.open().exec("create table t(a); insert into t values (1)");
    const path = join(folder, `${other.filename.slice(5).split("?")[0]}.journal`);
    const mount = bareMount(tempDir());
    expect(native.journalRecover(mount.id, path, false).lastSeq).toBe(2);
    expect(native.mountState(mount.id).seq).toBe(0);
    expect(native.mountState(mount.id).pageSize).toBe(0);
    other.close();
    mount.close();
  });
});
