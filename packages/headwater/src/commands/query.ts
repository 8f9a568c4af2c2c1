/** `headwater query`: SQL on a replica, of which only the pages come that it needs. */

import type { DatabaseSync } from "node:sqlite";
import type { Moment, PlanTarget } from "@headwater/vfs-core";
import type { Command } from "commander";
import {
  type CommonOptions,
  examples,
  type Kit,
  replicaCommand,
  sourceOf,
} from "../command-kit.ts";
import { loadSqlite } from "../database/sqlite.ts";
import { UsageError } from "../exit-codes.ts";
import { parseAt } from "../moment.ts";
import { formatRows, type QueryResult, toObjects } from "../output/query-rows.ts";
import type { ReplicaSource } from "../replica-source.ts";

interface QueryOptions extends CommonOptions {
  readonly at?: string;
}

export function addQuery(program: Command, kit: Kit): void {
  const command = replicaCommand(program, "query", "Run SQL on a replica, to read")
    .argument("<sql>", 'one statement; "-" reads it from standard input')
    .option("--at <moment>", "as it was then: a time as for restore, or a transaction");
  command.description(
    "Run SQL on a replica, to read. Nothing is downloaded but the pages that the statement needs.",
  );
  examples(command, [
    ['query s3://bucket/app.db "select count(*) from notes"', "straight from the bucket"],
    ['query --json s3://bucket/app.db "select * from notes" | jq ".[0]"', "for a script"],
    ['query --at "1 hour ago" s3://bucket/app.db "select * from notes"', "as it was"],
  ]).action(async (url: string, sql: string, options: QueryOptions) => {
    const target = parseAt(options.at ?? "latest");
    const source = sourceOf(url, options, kit);
    const statement = sql === "-" ? await kit.io.readInput() : sql;
    if (NOTHING.test(statement)) throw new UsageError("there is no statement; give one to query");
    const result = await onReplica(source, target, kit, (database) =>
      kit.io.busy(() => query(database, statement)),
    );
    const { printer } = kit;
    printer.result(toObjects(result), () => formatRows(result, printer));
  });
}

async function onReplica<Result>(
  { source, storeOptions }: ReplicaSource,
  target: PlanTarget,
  { io }: Kit,
  run: (database: DatabaseSync) => Result,
): Promise<Result> {
  const { DatabaseSync } = loadSqlite();
  const { mount } = await import("@headwater/node-binding");
  const place = typeof source === "string" ? { url: source, storeOptions } : { store: source };
  const { signal } = io;
  await using mounted = await mount({
    ...place,
    name: "headwater-query",
    drivers: ["node:sqlite"],
    signal,
  });
  await using past =
    target.type === "latest" ? undefined : await mounted.at(toWhen(target), { signal });
  const { filename } = past ?? mounted;
  const database = new DatabaseSync(filename, { readOnly: true });
  try {
    return run(database);
  } finally {
    database.close();
  }
}

function toWhen(moment: Moment): Date | bigint {
  return moment.type === "txid" ? moment.txid : new Date(moment.timestampMs);
}

function query(database: DatabaseSync, sql: string): QueryResult {
  try {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    requireNoMore(sql.slice(statement.sourceSQL.length));
    const columns = statement.columns().map(({ name }) => name);
    return { columns, rows: statement.all() as unknown as unknown[][] };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { message } = error as Error;
    const isWrite = /readonly/i.test(message);
    const next = isWrite ? "; a query can only read: write through a program of yours" : "";
    throw new Error(`SQLite says: ${message}${next}`);
  }
}

/** White space, semicolons and comments. */
const NOTHING = /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*(?:\*\/|$))*$/;

/** SQLite would pass over it without a word. */
function requireNoMore(rest: string): void {
  if (NOTHING.test(rest)) return;
  throw new UsageError("a query is one statement: give each of several a command of its own");
}
