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
  | { readonly type: "mount"; readonly options: Record<string, unknown> };

export type ThreadNews =
  | { readonly type: "begins" }
  | { readonly type: "value"; readonly value: unknown }
  | { readonly type: "error"; readonly code: string | undefined; readonly message: string }
  | { readonly type: "ended" };

const held: unknown[] = [];

function tell(news: ThreadNews): void {
  parentPort?.postMessage(news);
}

function query({ name, sql, driver }: ThreadData & { type: "query" }): void {
  const filename = `file:${name}?vfs=headwater`;
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
  tell({ type: "begins" });
  try {
    new Database(`file:${name}?vfs=headwater`).exec(sql);
    tell({ type: "value", value: undefined });
  } catch (error) {
    tell({ type: "error", code: resultCode(error), message: (error as Error).message });
  }
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
    const { mount } = await import("../../src/index.ts");
    held.push(await mount(data.options as unknown as Parameters<typeof mount>[0]));
    tell({ type: "begins" });
    break;
  }
}
// Threads are ended by whoever started them.
if (data.type === "hold" || data.type === "mount") setInterval(() => undefined, 2 ** 30);
