/**
 * A program that runs SQL with litestream-vfs, for litestream.ts.
 *
 * A load that fails takes the process with it: Go's runtime cannot be unloaded.
 */

import { createRequire } from "node:module";
import { DatabaseSync } from "node:sqlite";
import { serveLines } from "./serve-lines.ts";

const { getLoadablePath } = createRequire(import.meta.url)("litestream-vfs") as {
  getLoadablePath(): string;
};

const loader = new DatabaseSync(":memory:", { allowExtension: true });
loader.loadExtension(getLoadablePath());

const connections = new Map<string, DatabaseSync>();

function connection(name: string): DatabaseSync {
  const database = connections.get(name);
  if (database === undefined) throw new Error(`no connection ${name} is open`);
  return database;
}

function query(name: string, sql: string): unknown[][] {
  const statement = connection(name).prepare(sql);
  statement.setReturnArrays(true);
  return statement.all() as unknown as unknown[][];
}

serveLines({
  open(name: string, uri: string) {
    connections.set(name, new DatabaseSync(uri));
  },
  exec(name: string, sql: string) {
    connection(name).exec(sql);
  },
  query,
  close(name: string) {
    connection(name).close();
    connections.delete(name);
  },
});
