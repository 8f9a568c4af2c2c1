/**
 * The SQLite result code of an error, by its name, whichever driver threw it.
 *
 * better-sqlite3 gives the name of the extended code, node:sqlite the number.
 */

const NAMES: Readonly<Record<number, string>> = {
  1: "SQLITE_ERROR",
  5: "SQLITE_BUSY",
  8: "SQLITE_READONLY",
  10: "SQLITE_IOERR",
  11: "SQLITE_CORRUPT",
  14: "SQLITE_CANTOPEN",
  19: "SQLITE_CONSTRAINT",
  21: "SQLITE_MISUSE",
  26: "SQLITE_NOTADB",
};

/** For errors of SQLite without what extends the code; for other errors their own code. */
export function resultCode(error: unknown): string | undefined {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (typeof errcode === "number") return NAMES[errcode & 0xff] ?? `SQLITE_${errcode}`;
  if (typeof code !== "string") return undefined;
  if (!code.startsWith("SQLITE_")) return code;
  return code.split("_").slice(0, 2).join("_");
}

/** The code with what extends it: `SQLITE_BUSY_SNAPSHOT` and the like, as far as they are used. */
export function extendedCode(error: unknown): string | undefined {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (errcode === 517) return "SQLITE_BUSY_SNAPSHOT";
  return typeof errcode === "number" ? resultCode(error) : (code as string | undefined);
}

/** What running this throws. */
export function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("no error was thrown");
}
