/**
 * A worker thread of headwater-child.ts. It tells when it begins, and what came of it.
 */

import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { resultCode } from "./result-code.ts";

export type ThreadData =
  /** Runs a query; news: "begins", then its first value or its error. */
  | {
      readonly type: "query";
      readonly name: string;
      readonly sql: string;
      readonly driver?: "node:sqlite";
    }
  /** Runs statements; news: "begins", then "value" or its error. */
  | { readonly type: "exec"; readonly name: string; readonly sql: string }
  /** Runs statements, and leaves its connection open; news: "begins", when they are done. */
  | { readonly type: "hold"; readonly name: string; readonly sql: string }
  /** Mounts, and stays; news: "begins", when it is mounted. */
  | { readonly type: "mount"; readonly options: Record<string, unknown> }
  /** The same, as soon as the engine has ended; news: "begins", before; the word is 1 after. */
  | {
      readonly type: "succeed";
      readonly options: Record<string, unknown>;
      readonly word: Int32Array;
    };

export type ThreadNews =
  | { readonly type: "begins" }
  | { readonly type: "value"; readonly value: unknown }
  | { readonly type: "error"; readonly code: string | undefined; readonly message: string }
  | { readonly type: "ended" };

const held: unknown[] = [];

function tell(news: ThreadNews): void {
  parentPort?.postMessage(news);
}

/** better-sqlite3 ends the process when its thread is terminated while it is being loaded. */
function loadDriver(): void {
  new Database(":memory:").close();
}

function query({ name, sql, driver }: ThreadData & { type: "query" }): void {
  const filename = `file:${name}?vfs=headwater`;
  loadDriver();
  tell({ type: "begins" });
  try {
    const value =
      driver === "node:sqlite"
        ? Object.values(new DatabaseSync(filename).prepare(sql).get() as object)[0]
        : new Database(filename).prepare(sql).pluck().get();
    tell({ type: "value", value });
  } catch (error) {
    tell({ type: "error", code: resultCode(error), message: (error as Error).message });
  }
}

function exec({ name, sql }: ThreadData & { type: "exec" }): void {
  loadDriver();
  tell({ type: "begins" });
  try {
    new Database(`file:${name}?vfs=headwater`).exec(sql);
    tell({ type: "value", value: undefined });
  } catch (error) {
    tell({ type: "error", code: resultCode(error), message: (error as Error).message });
  }
}

async function mountAs(options: Record<string, unknown>): Promise<void> {
  const { mount } = await import("../../src/index.ts");
  held.push(await mount(options as unknown as Parameters<typeof mount>[0]));
}

const data = workerData as ThreadData;
switch (data.type) {
  case "query":
    query(data);
    break;
  case "exec":
    exec(data);
    break;
  case "hold": {
    const database = new Database(`file:${data.name}?vfs=headwater`);
    database.exec(data.sql);
    held.push(database);
    tell({ type: "begins" });
    break;
  }
  case "mount": {
    await mountAs(data.options);
    tell({ type: "begins" });
    break;
  }
  case "succeed": {
    const { native } = await import("../../src/native.ts");
    tell({ type: "begins" });
    while (native.engineAlive()) Atomics.wait(data.word, 0, 0, 1);
    await mountAs(data.options);
    Atomics.store(data.word, 0, 1);
    Atomics.notify(data.word, 0);
    break;
  }
}
// Threads are ended by whoever started them.
if (!["query", "exec"].includes(data.type)) setInterval(() => undefined, 2 ** 30);
