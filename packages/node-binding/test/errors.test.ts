import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { useServer } from "@headwater/servers/testing";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { HeadwaterError, type MountOptions, mount, registerNodeSqlite } from "../src/index.ts";
import { toEngineOptions } from "../src/options.ts";
import { integrity, scalar } from "./support/dump.ts";
import { within } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { errorOf, resultCode } from "./support/result-code.ts";
import { tempDir } from "./support/temp-dir.ts";

const SECRET = "tOpSeCrEt";
const newUrl = () => `file://${tempDir()}/app.db`;

async function mountError(options: MountOptions): Promise<HeadwaterError> {
  try {
    const { close } = await within("mount", mount({ journalDir: tempDir(), ...options }), 60_000);
    await close();
  } catch (error) {
    expect(HeadwaterError.is(error), String(error)).toBe(true);
    expectNoSecret(error);
    return error as HeadwaterError;
  }
  throw new Error("it was mounted");
}

/** One readable sentence each, all the way down, and none with a secret. */
function expectNoSecret(error: unknown): void {
  for (let at = error; at instanceof Error; at = at.cause) {
    expect(at.message).not.toBe("");
    expect(JSON.stringify({ ...at, message: at.message, stack: at.stack })).not.toContain(SECRET);
  }
}

const server = await useServer("miniflare", "errors of an S3 store");
const s3 = server.available ? server.connection : undefined;
const storeOptions = {
  endpoint: s3?.endpoint ?? "",
  region: s3?.region ?? "",
  accessKeyId: s3?.accessKeyId ?? "",
  secretAccessKey: s3?.secretAccessKey ?? "",
};

describe("mount", () => {
  it("says at once that there is nothing to read", async () => {
    expect((await mountError({ url: newUrl() })).code).toBe("REPLICA_NOT_FOUND");
    const { code } = await mountError({ url: newUrl(), mode: "write", mustExist: true });
    expect(code).toBe("REPLICA_NOT_FOUND");
  });

  it("waits for a replica when asked to, and until its signal aborts", async () => {
    const url = newUrl();
    const reason = new Error("enough");
    const controller = new AbortController();
    const aborted = openReader({ url, waitForReplica: true, signal: controller.signal });
    const waiting = openReader({ url, waitForReplica: true, pollIntervalMs: 20 });
    await sleep(100);
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    const writer = await openWriter({ url });
    writer.database.exec("begin; create table item(text); insert into item values ('x'); commit");
    await writer.flush();
    const reader = await within("waiting reader", waiting);
    expect(scalar(reader.database, "select text from item")).toBe("x");
    const already = openReader({ url, signal: AbortSignal.abort(reason) });
    await expect(already).rejects.toBe(reason);
  });

  it.each(["read", "write"] as const)(
    "refuses a prefix that holds something else, in %s mode",
    async (mode) => {
      const root = tempDir();
      writeFileSync(join(root, "photo.jpg"), "not ours");
      expect((await mountError({ url: `file://${root}`, mode })).code).toBe("PREFIX_NOT_REPLICA");
      const old = tempDir();
      mkdirSync(join(old, "generations", "0123456789abcdef"), { recursive: true });
      writeFileSync(join(old, "generations", "0123456789abcdef", "x.snapshot.lz4"), "old");
      expect((await mountError({ url: `file://${old}`, mode })).code).toBe("PREFIX_NOT_REPLICA");
    },
  );

  it.each([
    [{ mode: "Write" as never }],
    [{ pollIntervalMS: 5 } as never],
    [{ pollIntervalMs: "5" as never }],
    [{ pollIntervalMs: -1 }],
    [{ hydrate: "yes" as never }],
    [{ name: "a?b" }],
    [{ name: "//a/b" }],
    [{ name: ":memory:" }],
    [{ name: "file:app.db" }],
    [{ nonsense: true } as never],
    [{ url: 7 as never }],
    [{ drivers: ["better-sqlite"] as never }],
    [{ drivers: "node:sqlite" as never }],
    [{ storeOptions: "region" as never }],
    [{ lease: "on" as never }],
    [{ lease: { ttlMs: 5 } }],
    [{ lease: { waitMs: "soon" as never } }],
    [{ lease: { waitMs: -1 } }],
    [{ lease: { owner: 5 as never } }],
    [{ lease: { ttl: 5000 } as never }],
    [{ hydrate: { bytesPerSecond: 5000 } as never }],
  ])("refuses the options %j", async (options) => {
    expect((await mountError({ url: newUrl(), ...options })).code).toBe("OPTION_INVALID");
  });

  it.each([
    [{ syncInterval: 5 } as never, '"syncInterval" should be "syncIntervalMs"'],
    [{ CACHE: 5 } as never, '"CACHE" should be "cacheBytes"'],
    [{ lease: { ttl: 5000 } as never }, '"lease.ttl" should be "lease.ttlMs"'],
    [{ hydrate: "image.db" as never }, "not 'image.db'"],
    [{ hydrate: { path: 5 as never } }, "must name a file, not 5"],
    [{ compaction: false as never }, "an object of intervals, not false"],
    [{ drivers: [5n] as never }, "not [ 5n ]"],
    [{ prices: "aws" as never }, "not 'aws'"],
  ])("names what was given: %o", async (options, named) => {
    const { code, message } = await mountError({ url: newUrl(), ...(options as object) });
    expect(code).toBe("OPTION_INVALID");
    expect(message).toContain(named);
  });

  it.each([
    "nonsense",
    `gopher://${SECRET}@host/app.db`,
    `file://host:${SECRET}@elsewhere/app.db?key=${SECRET}`,
  ])("refuses the URL %s", async (url) => {
    const { code } = await mountError({ url });
    expect(["STORE_CONFIG_INVALID", "OPTION_INVALID"]).toContain(code);
  });

  it("says who else has the journal, the lease, the image or the name", async () => {
    const url = newUrl();
    const journalDir = tempDir();
    const path = join(tempDir(), "image.db");
    const first = await openWriter({ url, journalDir, hydrate: { path }, name: "taken.db" });
    first.database.exec("create table item(text)");
    await first.flush();
    const codes = [
      await mountError({ url: newUrl(), mode: "write", journalDir }),
      await mountError({ url, mode: "write" }),
      await mountError({ url, hydrate: { path } }),
      await mountError({ url, name: "taken.db" }),
    ].map(({ code }) => code);
    expect(codes).toEqual(["JOURNAL_LOCKED", "LEASE_HELD", "IMAGE_LOCKED", "OPTION_INVALID"]);
    const second = await openReader({ url });
    expect(second.name).not.toBe(first.name);
    expect(scalar(first.database, "select count(*) from item")).toBe(0);
  });

  it("keeps a journal for each server on which one URL is a place", () => {
    const env = { XDG_STATE_HOME: "/state" };
    const folderOf = (storeOptions: MountOptions["storeOptions"] = {}) =>
      toEngineOptions({ url: "s3://bucket/app.db", mode: "write", storeOptions }, env).journalDir;
    const folders = [
      folderOf(),
      folderOf({ endpoint: "http://a" }),
      folderOf({ endpoint: "http://b" }),
      folderOf({ account: "c" }),
    ];
    expect(new Set(folders).size).toBe(folders.length);
    expect(folderOf({ endpoint: "http://a", secretAccessKey: "s" })).toBe(folders[1]);
  });

  it("refuses a journal of another replica", async () => {
    const journalDir = tempDir();
    const replica = { version: 1, replica: newUrl() };
    writeFileSync(join(journalDir, "replica.json"), JSON.stringify(replica));
    const { code } = await mountError({ url: newUrl(), mode: "write", journalDir });
    expect(code).toBe("JOURNAL_INVALID");
  });

  it("says that nothing listens at an endpoint", async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, "127.0.0.1", resolve));
    const { port } = gone.address() as { port: number };
    await new Promise((resolve) => gone.close(resolve));
    const options = {
      ...storeOptions,
      endpoint: `http://127.0.0.1:${port}`,
      secretAccessKey: SECRET,
    };
    const url = `s3://user:${SECRET}@bucket/app.db?storageClass=${SECRET}`;
    const { code, message } = await mountError({
      url,
      storeOptions: { ...options, accessKeyId: "key", region: "us-east-1" },
    });
    expect(code).toBe("STORE_UNAVAILABLE");
    expect(message).toContain("s3://bucket/app.db");
  });

  it.runIf(s3)("says that credentials are wrong", async () => {
    const url = `s3://${s3?.bucket}/app.db`;
    for (const mode of ["read", "write"] as const) {
      const { code } = await mountError({
        url,
        mode,
        storeOptions: { ...storeOptions, secretAccessKey: SECRET },
      });
      expect(["STORE_UNAUTHENTICATED", "STORE_FORBIDDEN"]).toContain(code);
    }
  });

  it.runIf(s3)("says that there is no such bucket", async () => {
    for (const mode of ["read", "write"] as const) {
      const { code } = await mountError({ url: "s3://no-such-bucket/app.db", mode, storeOptions });
      expect(code).toBe("STORE_CONFIG_INVALID");
    }
  });

  it.runIf(s3)("finds nothing under an empty prefix of a bucket", async () => {
    const { code } = await mountError({ url: `s3://${s3?.bucket}/empty/app.db`, storeOptions });
    expect(code).toBe("REPLICA_NOT_FOUND");
  });
});

describe("status", () => {
  it("shows no secret", async () => {
    const root = tempDir();
    const url = `file://${root}?token=${SECRET}`;
    const { database, flush, status } = await openWriter({ url });
    database.exec("create table item(text)");
    await flush();
    expect(JSON.stringify(await status(), (_, value) => String(value))).not.toContain(SECRET);
  });
});

describe("a mount that is closed", () => {
  it("refuses calls with one code, and SQL with SQLITE_IOERR", async () => {
    const writer = await openWriter({ url: newUrl() });
    const other = new Database(writer.filename);
    other.exec("create table item(text)");
    await writer.close();
    await writer.close();
    for (const call of [writer.flush(), writer.status(), writer.hydrated()]) {
      await expect(call).rejects.toMatchObject({ code: "CLOSED" });
    }
    const refused = errorOf(() => scalar(other, "select count(*) from item"));
    expect(resultCode(refused)).toBe("SQLITE_IOERR");
    other.close();
  });
});

describe("names that nobody mounted", () => {
  const missing = "file:missing.db?vfs=headwater";

  it("cannot be opened by better-sqlite3", async () => {
    await openWriter({ url: newUrl() });
    const error = errorOf(() => new Database(missing));
    expect(resultCode(error)).toBe("SQLITE_CANTOPEN");
    expect((error as Error).message).toMatch(/missing\.db.*mount/s);
  });

  it("cannot be opened by node:sqlite", async () => {
    await openWriter({ url: newUrl() });
    registerNodeSqlite();
    const error = errorOf(() => new DatabaseSync(missing));
    expect(resultCode(error)).toBe("SQLITE_CANTOPEN");
    expect((error as Error).message).toMatch(/missing\.db.*mount/s);
  });

  it("cannot be attached", async () => {
    const { database } = await openWriter({ url: newUrl() });
    const plain = new Database(":memory:");
    for (const connection of [database, plain]) {
      const attach = () => {
        connection.exec(`attach '${missing}' as other`);
        connection.exec("create table other.item(text)");
      };
      expect(resultCode(errorOf(attach))).toBe("SQLITE_CANTOPEN");
    }
    plain.close();
  });

  it("leave no file behind", () => {
    expect(readdirSync(process.cwd()).filter((name) => /missing|vfs=/.test(name))).toEqual([]);
  });
});

describe("other databases of the process", () => {
  it("are ordinary files, in memory or temporary, as ever", async () => {
    const folder = tempDir();
    const mounted = await openWriter({ url: newUrl() });
    mounted.database.exec("create table item(text); insert into item values ('replica')");
    const path = join(folder, "plain.db");
    const plain = new Database(path);
    plain.pragma("journal_mode = wal");
    plain.exec("create table item(text); insert into item values ('plain')");
    expect(readdirSync(folder).sort()).toEqual(["plain.db", "plain.db-shm", "plain.db-wal"]);
    plain.pragma("journal_mode = delete");
    const memory = new Database(":memory:");
    memory.exec("create table item(text); insert into item values ('memory')");
    const temporary = new Database("");
    temporary.exec("pragma cache_size = 2; create table item(data)");
    temporary.exec("insert into item values (zeroblob(3000000))");
    for (const [name, database] of [
      [path, plain],
      ["memory", memory],
    ] as const) {
      database.exec(`attach '${mounted.filename}' as replica`);
      expect(scalar(database, "select text from replica.item"), name).toBe("replica");
      database.exec(
        "begin; update item set text = 'a'; update replica.item set text = 'a'; commit",
      );
      database.exec("begin; update item set text = 'b'; update replica.item set text = 'b'");
      database.exec("rollback; detach replica");
      expect(scalar(database, "select text from item"), name).toBe("a");
      expect(scalar(mounted.database, "select text from item"), name).toBe("a");
      mounted.database.exec("update item set text = 'replica'");
    }
    mounted.database.exec(`attach '${path}' as plain`);
    mounted.database.exec("begin; delete from item; delete from plain.item; rollback");
    mounted.database.exec("insert into plain.item select text from item");
    expect(scalar(plain, "select group_concat(text) from item")).toBe("a,replica");
    expect(readdirSync(folder)).toEqual(["plain.db"]);
    for (const database of [plain, memory, temporary]) {
      expect(integrity(database)).toBe("ok");
      database.close();
    }
  });

  it("take no part in a transaction led by a mount, since a crash could tear them", async () => {
    const path = join(tempDir(), "plain.db");
    const { database, filename } = await openWriter({ url: newUrl() });
    database.exec(`create table item(text); attach '${path}' as plain`);
    database.exec("create table plain.item(text); insert into plain.item values ('old')");
    database.exec("begin; insert into item values ('a'); update plain.item set text = 'new'");
    expect(resultCode(errorOf(() => database.exec("commit")))).toBe("SQLITE_IOERR");
    if (database.inTransaction) database.exec("rollback");
    expect(database.prepare("select count(*) from item").pluck().get()).toBe(0);
    expect(database.prepare("select text from plain.item").pluck().get()).toBe("old");
    // The other way round the super-journal is a file that a crash leaves to be found.
    const plain = new Database(path);
    plain.exec(`attach '${filename}' as mount`);
    plain.exec("begin; insert into mount.item values ('a'); update item set text = 'new'; commit");
    expect(database.prepare("select count(*) from item").pluck().get()).toBe(1);
    expect(database.prepare("select text from plain.item").pluck().get()).toBe("new");
    plain.close();
  });

  it("never meet the journals of mounts, which are not in the store either", async () => {
    const root = tempDir();
    const { database, filename, flush } = await openWriter({ url: `file://${root}` });
    const before = readdirSync(process.cwd());
    for (const mode of ["delete", "truncate", "persist", "memory", "off"]) {
      database.pragma(`journal_mode = ${mode}`);
      database.exec("create table if not exists item(data); pragma cache_size = 2");
      database.exec("begin; insert into item values (zeroblob(300000)); savepoint s");
      database.exec("update item set data = zeroblob(200000); release s");
      expect(storedFiles(root).filter((name) => !isReplicaFile(name))).toEqual([]);
      database.exec("commit");
      await flush();
    }
    const second = new Database(filename);
    second.exec("create temp table scratch(data); insert into scratch values (zeroblob(1000000))");
    second.exec("create index item_data on item(data); vacuum");
    second.close();
    await flush();
    expect(storedFiles(root).filter((name) => !isReplicaFile(name))).toEqual([]);
    expect(readdirSync(process.cwd())).toEqual(before);
  });

  it("may have a WAL, which a mount refuses without any change", async () => {
    const { database } = await openWriter({ url: newUrl() });
    database.exec("create table item(text)");
    for (const locking of ["normal", "exclusive"]) {
      database.pragma(`locking_mode = ${locking}`);
      expect(database.pragma("journal_mode = wal", { simple: true })).not.toBe("wal");
      database.exec("insert into item values ('x')");
    }
    expect(scalar(database, "select count(*) from item")).toBe(2);
  });
});

function storedFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

/** Files of the store itself lie in folders of its own. */
function isReplicaFile(path: string): boolean {
  if (path.split("/").includes(".headwater")) return true;
  return basename(path) === "lock.json" || /^ltx\/\d\/[0-9a-f]{16}-[0-9a-f]{16}\.ltx$/.test(path);
}
