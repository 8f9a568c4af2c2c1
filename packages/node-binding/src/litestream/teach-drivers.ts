/**
 * Teaches the SQLite libraries of a program about mounts before it can open anything with them, on
 * whatever thread: a library that was not taught would take "file:app.db?vfs=litestream" for the
 * name of a file, and make one.
 *
 * Node.js warns that node:sqlite is experimental. The warning comes when the program loads it, and
 * not because this has.
 */

import module, { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type BetterSqlite3 from "better-sqlite3";
import { findBetterSqlite3, registerBetterSqlite3, registerNodeSqlite } from "../drivers.ts";

type Warning = Parameters<typeof process.emitWarning>;

const BETTER_SQLITE3 = /\/better-sqlite3\/lib\/index\.js$/;
const NODE_SQLITE = "node:sqlite";

const require = createRequire(import.meta.url);
const taught = new Set<typeof BetterSqlite3>();
/** What Node.js had to say of node:sqlite, while nobody but this has loaded it. */
let heldBack: Warning[] = [];

/** Those that can be found now, for the whole process. */
export function teachDrivers(): void {
  const Database = findBetterSqlite3();
  if (Database !== undefined) teachBetterSqlite3(Database);
  heldBack = holdingBackWarnings(teachNodeSqlite);
}

/**
 * From now on, on this thread, other copies of better-sqlite3 when they are loaded. An older
 * Node.js does not tell of that.
 */
export function teachDriversWhenLoaded(): void {
  const { registerHooks } = module as Partial<typeof module>;
  registerHooks?.({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context);
      if (resolved.url === NODE_SQLITE) emitHeldBack();
      else if (BETTER_SQLITE3.test(resolved.url)) teachCopy(resolved.url);
      return resolved;
    },
  });
}

function emitHeldBack(): void {
  const warnings = heldBack;
  heldBack = [];
  for (const warning of warnings) process.emitWarning(...warning);
}

const loading = new Set<string>();

function teachCopy(url: string): void {
  // Loading it comes by here again.
  if (loading.has(url)) return;
  loading.add(url);
  teachBetterSqlite3(require(fileURLToPath(url)) as typeof BetterSqlite3);
}

/** One that cannot open anything says so to the program when that tries. */
function teachBetterSqlite3(Database: typeof BetterSqlite3): void {
  if (taught.has(Database)) return;
  taught.add(Database);
  try {
    new Database(":memory:").close();
  } catch {
    return;
  }
  registerBetterSqlite3(Database);
}

/** Some versions of Node.js have none, or only when they are asked for it. */
function teachNodeSqlite(): void {
  if (module.isBuiltin(NODE_SQLITE)) registerNodeSqlite();
}

function holdingBackWarnings(work: () => void): Warning[] {
  const held: Warning[] = [];
  const { emitWarning } = process;
  process.emitWarning = (...warning: unknown[]) => void held.push(warning as Warning);
  try {
    work();
  } finally {
    process.emitWarning = emitWarning;
  }
  return held;
}
