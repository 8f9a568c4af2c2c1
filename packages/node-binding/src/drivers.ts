/**
 * Teaches the SQLite libraries of this process to open mounts, each once.
 *
 * A library keeps what it has loaded for as long as the process lives, on all its threads.
 */

import { createRequire } from "node:module";
import { isAbsolute } from "node:path";
import type BetterSqlite3 from "better-sqlite3";
import { extensionPath } from "./native.ts";

/** `better-sqlite3` is looked for beside the program first, then beside this package. */
export type Driver = (typeof DRIVERS)[number];
export const DRIVERS = ["better-sqlite3", "node:sqlite"] as const;

type BetterSqlite3Class = typeof BetterSqlite3;

const require = createRequire(import.meta.url);
const loaded = new Set<Driver>();

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown }).code === "MODULE_NOT_FOUND";
}

/** The program's own copy, since that is the one it opens databases with. */
export function findBetterSqlite3(): BetterSqlite3Class | undefined {
  // Of what was piped in, and in threads that were started with a text, it is no path.
  const main = process.argv[1];
  const isFile = main !== undefined && isAbsolute(main);
  const places = isFile ? [createRequire(main), require] : [require];
  for (const place of places) {
    try {
      return place("better-sqlite3") as BetterSqlite3Class;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return undefined;
}

export function needBetterSqlite3(): BetterSqlite3Class {
  const found = findBetterSqlite3();
  if (found !== undefined) return found;
  throw new Error("openDatabase() needs better-sqlite3: npm install better-sqlite3@13");
}

/** Teaches better-sqlite3 to open mounts. For a copy of your own, pass its class. */
export function registerBetterSqlite3(Database: BetterSqlite3Class = needBetterSqlite3()): void {
  const connection = new Database(":memory:");
  try {
    connection.loadExtension(extensionPath);
  } finally {
    connection.close();
  }
}

/** Teaches `node:sqlite` to open mounts. */
export function registerNodeSqlite(): void {
  const { DatabaseSync } = require("node:sqlite") as typeof import("node:sqlite");
  const connection = new DatabaseSync(":memory:", { allowExtension: true });
  try {
    connection.loadExtension(extensionPath);
  } finally {
    connection.close();
  }
}

/**
 * The drivers of this program: better-sqlite3 when it is installed, node:sqlite when the program
 * has loaded it. (Loading it unasked would print Node's warning that it is experimental.)
 */
function presentDrivers(): Driver[] {
  const modules = (process as unknown as { moduleLoadList: readonly string[] }).moduleLoadList;
  const usesNodeSqlite = modules.includes("NativeModule sqlite");
  const drivers: Driver[] = [];
  if (findBetterSqlite3() !== undefined) drivers.push("better-sqlite3");
  if (usesNodeSqlite || drivers.length === 0) drivers.push("node:sqlite");
  return drivers;
}

export function registerDrivers(drivers: readonly Driver[] = presentDrivers()): void {
  for (const driver of drivers) {
    if (loaded.has(driver)) continue;
    if (driver === "better-sqlite3") registerBetterSqlite3();
    else registerNodeSqlite();
    loaded.add(driver);
  }
}
