/**
 * A program as many are: it opens databases by file names, with the driver that its argument says,
 * and knows nothing of mounts; see driven-process.ts.
 */

import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type BetterSqlite3 from "better-sqlite3";
import { serveLines } from "./serve-lines.ts";

interface Connection {
  exec(sql: string): unknown;
  query(sql: string): unknown[][];
  close(): unknown;
}

const require = createRequire(import.meta.url);

const DRIVERS: Readonly<Record<string, (filename: string) => Connection>> = {
  "better-sqlite3"(filename) {
    const Database = require("better-sqlite3") as typeof BetterSqlite3;
    const database = new Database(filename);
    return {
      exec: (sql) => database.exec(sql),
      query: (sql) => database.prepare(sql).raw().all() as unknown[][],
      close: () => database.close(),
    };
  },
  "node:sqlite"(filename) {
    const { DatabaseSync } = require("node:sqlite") as typeof import("node:sqlite");
    const database = new DatabaseSync(filename);
    return {
      exec: (sql) => database.exec(sql),
      query(sql) {
        const statement = database.prepare(sql);
        statement.setReturnArrays(true);
        return statement.all() as unknown as unknown[][];
      },
      close: () => database.close(),
    };
  },
};

const driver = process.argv[2] as string;
const connect = DRIVERS[driver] as (filename: string) => Connection;
const connections = new Map<string, Connection>();

function connection(name: string): Connection {
  const found = connections.get(name);
  if (found === undefined) throw new Error(`no connection ${name} is open`);
  return found;
}

/** In a thread of its own, which loads the driver itself. */
const THREAD = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { createRequire } = require("node:module");
  const { driver, filename, sql, times, url } = workerData;
  const load = createRequire(url);
  const Database = driver === "node:sqlite" ? load(driver).DatabaseSync : load(driver);
  let rows = [];
  for (let i = 0; i < times; i += 1) {
    const database = new Database(filename, { timeout: 20_000 });
    rows = database.prepare(sql).all().map((row) => Object.values(row));
    database.close();
  }
  parentPort.postMessage(rows);
`;

function inThread(filename: string, sql: string, times: number): Promise<unknown> {
  const workerData = { driver, filename, sql, times, url: import.meta.url };
  const worker = new Worker(THREAD, { eval: true, workerData });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

serveLines({
  open(name: string, filename: string) {
    connections.set(name, connect(filename));
  },
  exec(name: string, sql: string) {
    connection(name).exec(sql);
  },
  query: (name: string, sql: string) => connection(name).query(sql),
  close(name: string) {
    connection(name).close();
    connections.delete(name);
  },
  setVariable(name: string, value: string) {
    process.env[name] = value;
  },
  inThreads: (filename: string, sql: string, count: number, times: number) =>
    Promise.all(Array.from({ length: count }, () => inThread(filename, sql, times))),
});
