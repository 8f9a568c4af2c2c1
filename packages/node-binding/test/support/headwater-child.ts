/**
 * A program that uses mounts, one step at a time; see driven-process.ts.
 */

import module from "node:module";
import { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { closeOnSignals, type MountHandle, type MountOptions, mount } from "../../src/index.ts";
import { dump, integrity, queryOf } from "./dump.ts";
import type { ThreadData, ThreadNews } from "./headwater-thread.ts";
import { serveLines } from "./serve-lines.ts";

interface Thread {
  readonly worker: Worker;
  readonly result: Promise<ThreadNews>;
}

const mounts = new Map<string, MountHandle>();
const connections = new Map<string, Database.Database>();
const threads = new Map<string, Thread>();
/** Statements and connections that stay as they are until the process ends. */
const held: unknown[] = [];
/** The name of a mount for each upload that it has told of. */
const heard: string[] = [];

function mounted(name: string): MountHandle {
  const handle = mounts.get(name);
  if (handle === undefined) throw new Error(`${name} is not mounted`);
  return handle;
}

function connection(name: string): Database.Database {
  let database = connections.get(name);
  database ??= new Database(`file:${name}?vfs=headwater`);
  connections.set(name, database);
  return database;
}

function disconnect(name: string): void {
  connections.get(name)?.close();
  connections.delete(name);
}

function threadNamed(name: string): Thread {
  const thread = threads.get(name);
  if (thread === undefined) throw new Error(`there is no thread ${name}`);
  return thread;
}

/** Resolves at the first news of the thread; the second is its result. */
function startThread(name: string, workerData: ThreadData): Promise<ThreadNews> {
  const worker = new Worker(new URL("./headwater-thread.ts", import.meta.url), {
    workerData,
    execArgv: ["--conditions=@headwater/source", "--no-warnings"],
  });
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (first: ThreadNews) => {
      resolve(first);
      const result = new Promise<ThreadNews>((done) => {
        worker.once("message", done);
        worker.once("exit", () => done({ type: "ended" }));
      });
      threads.set(name, { worker, result });
    });
  });
}

serveLines({
  ping: () => "pong",
  async mount(options: MountOptions) {
    const handle = await mount(options);
    mounts.set(handle.name, handle);
    return handle.name;
  },
  /** Keeps the handle when another mount gets its name. */
  keep(name: string, as: string) {
    mounts.set(as, mounted(name));
  },
  exec(name: string, sql: string) {
    connection(name).exec(sql);
  },
  query: (name: string, sql: string) => queryOf(connection(name))(sql),
  dump: (name: string) => dump(connection(name)),
  integrity: (name: string) => integrity(connection(name)),
  async flush(name: string) {
    return String(await mounted(name).flush());
  },
  /** A read transaction, a statement that is being stepped, and a write transaction. */
  hold(name: string, table: string) {
    const [reader, stepper, writer] = [1, 2, 3].map(() => new Database(mounted(name).filename));
    reader?.exec(`begin; select count(*) from ${table}`);
    const rows = stepper?.prepare(`select * from ${table}`).iterate();
    rows?.next();
    writer?.exec(`begin; delete from ${table}`);
    held.push(reader, rows, writer);
  },
  thread: startThread,
  threadResult: (name: string) => threadNamed(name).result,
  terminate: (name: string) => threadNamed(name).worker.terminate(),
  /**
   * Waits for what a mount will never tell, while the thread that has started the engine ends and
   * another one mounts with an engine of its own. This thread stands still until that is there.
   */
  async succeed(owner: string, name: string, options: Record<string, unknown>) {
    const word = new Int32Array(new SharedArrayBuffer(4));
    await startThread("successor", { type: "succeed", options, word });
    const waiting = mounted(name).waitForTxid(1_000_000n);
    void threadNamed(owner).worker.terminate();
    Atomics.wait(word, 0, 0, 20_000);
    await waiting;
  },
  /** Leaves after the first look. */
  async progress(name: string) {
    for await (const { done } of mounted(name).hydrationProgress()) return done;
    return undefined;
  },
  /** A function cannot go to the engine's thread. */
  async mountWithFunction(options: MountOptions) {
    await mount({ ...options, storeOptions: { region: (() => "eu") as unknown as string } });
  },
  /** What has a signal is none. */
  async flushWithoutSignal(name: string) {
    const signal = new AbortController() as unknown as AbortSignal;
    await mounted(name).flush({ signal });
  },
  async hydrated(name: string) {
    await mounted(name).hydrated();
  },
  async status(name: string) {
    const status = await mounted(name).status();
    const toJson = (_: string, value: unknown) =>
      typeof value === "bigint" ? Number(value) : value;
    return JSON.parse(JSON.stringify(status, toJson)) as unknown;
  },
  disconnect,
  async close(name: string) {
    disconnect(name);
    await mounted(name).close();
  },
  async promote(name: string, waitMs?: number) {
    await mounted(name).promote(waitMs === undefined ? {} : { waitMs });
  },
  async demote(name: string) {
    await mounted(name).demote();
  },
  listen(name: string) {
    mounted(name).on("synced", () => heard.push(name));
  },
  heard: () => heard,
  compileCache(folder: string) {
    module.enableCompileCache(folder);
    return module.getCompileCacheDir();
  },
  /** What this process has loaded of Node.js itself. */
  loaded: () => (process as unknown as { moduleLoadList: readonly string[] }).moduleLoadList,
  exit(code: number) {
    process.exit(code);
  },
  closeOnSignals() {
    closeOnSignals();
  },
  /** Goes on for a moment, and then ends with a code of its own. */
  listenTo(signal: NodeJS.Signals, code: number) {
    process.on(signal, () => setTimeout(() => process.exit(code), 20));
  },
  /** Closes what may be closed already, and ends. */
  closeOn(signal: NodeJS.Signals, name: string) {
    process.on(signal, async () => {
      await mounted(name).close();
      process.exit(0);
    });
  },
  /** Outside of any call, so that nobody catches it. */
  fail() {
    setImmediate(() => {
      throw new Error("nobody catches this");
    });
  },
});
