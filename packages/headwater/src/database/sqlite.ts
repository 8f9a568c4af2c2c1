/**
 * SQLite as Node.js brings it: the program needs no driver of its own.
 */

import { createRequire } from "node:module";

export type Sqlite = typeof import("node:sqlite");

const require = createRequire(import.meta.url);

export function loadSqlite(): Sqlite {
  try {
    return require("node:sqlite") as Sqlite;
  } catch {
    const { version } = process;
    throw new Error(`this needs the SQLite of Node.js 22.16 or newer, and this is ${version}`);
  }
}
