/**
 * A worker thread that reads or writes the accounts of bank.ts until it is told to stop.
 *
 * A reader looks twice within one transaction: both looks must agree, and the sum must be right.
 */

import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { SeededRandom } from "@headwater/ltx/testing";
import Database from "better-sqlite3";
import { SUM, TOTAL, transfer } from "./bank.ts";
import { extendedCode } from "./result-code.ts";

export interface BankThreadData {
  readonly filename: string;
  readonly role:
    | "read with better-sqlite3"
    | "read with node:sqlite"
    | "write"
    | "try to write"
    | "write until refused";
  readonly seed: number;
  /** Zero while it has to go on; then how many threads have opened the database. */
  readonly stop: Int32Array;
}

export interface BankThreadResult {
  readonly count: number;
  /** COMMITs that the bucket did not take. */
  readonly failures?: number;
  readonly problem: string | undefined;
}

type Reader = { exec(sql: string): unknown; value(sql: string): unknown; close(): unknown };

const { filename, role, seed, stop } = workerData as BankThreadData;

function openReader(): Reader {
  if (role === "read with node:sqlite") {
    const database = new DatabaseSync(filename);
    return {
      exec: (sql) => database.exec(sql),
      value: (sql) => Object.values(database.prepare(sql).get() as object)[0],
      close: () => database.close(),
    };
  }
  const database = new Database(filename);
  return {
    exec: (sql) => database.exec(sql),
    value: (sql) => database.prepare(sql).pluck().get(),
    close: () => database.close(),
  };
}

function read(): BankThreadResult {
  const database = openReader();
  Atomics.add(stop, 1, 1);
  let count = 0;
  let problem: string | undefined;
  let newest = 0;
  while (Atomics.load(stop, 0) === 0 && problem === undefined) {
    database.exec("begin");
    const looks = [SUM, "select count(*) from transfer", SUM, "select count(*) from transfer"];
    const [sum, transfers = 0, sumAgain, transfersAgain] = looks.map((sql) =>
      Number(database.value(sql)),
    );
    database.exec("commit");
    if (sum !== TOTAL || sumAgain !== TOTAL) problem = `sums ${sum} and ${sumAgain}`;
    if (transfers !== transfersAgain) problem = `${transfers} transfers, then ${transfersAgain}`;
    if (transfers < newest) problem = `back from ${newest} to ${transfers} transfers`;
    newest = transfers;
    count += 1;
  }
  database.close();
  return { count, problem };
}

/** Of a mount that is being closed, or was. */
const REFUSALS: readonly unknown[] = ["SQLITE_READONLY", "SQLITE_IOERR_LOCK"];

function write(): BankThreadResult {
  const database = new Database(filename, { timeout: 30_000 });
  Atomics.add(stop, 1, 1);
  const random = new SeededRandom(seed);
  let count = 0;
  let failures = 0;
  while (Atomics.load(stop, 0) === 0) {
    try {
      transfer(database, random);
      count += 1;
    } catch (error) {
      if (role === "write until refused" && REFUSALS.includes(extendedCode(error))) break;
      if (role !== "try to write" || extendedCode(error) !== "SQLITE_IOERR_FSYNC") {
        const why = database.pragma("headwater_why", { simple: true });
        throw new Error(`${String(error)}: ${String(why)}`, { cause: error });
      }
      failures += 1;
    }
  }
  database.close();
  return { count, failures, problem: undefined };
}

parentPort?.postMessage(role.startsWith("read") ? read() : write());
