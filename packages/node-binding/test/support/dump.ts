/**
 * Everything that a database holds, as text that two databases can be compared by.
 */

import type BetterSqlite3 from "better-sqlite3";

/** Runs a query and gives its rows as arrays. */
export type Query = (sql: string) => unknown[][] | Promise<unknown[][]>;

const SHOWN_MAX = 300;

interface Column {
  readonly name: string;
  readonly isKey: boolean;
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Values by quote(), so that their types count. Versions of SQLite differ in how it rounds. */
function quoted(column: string): string {
  const real = `printf('%.14g', ${column})`;
  return `case typeof(${column}) when 'real' then ${real} else quote(${column}) end`;
}

export async function dumpDatabase(query: Query): Promise<string> {
  const lines: string[] = [];
  const schema = await query(
    "select type, name, tbl_name, sql from sqlite_schema order by type, name, tbl_name",
  );
  for (const entry of schema) lines.push(entry.map(String).join(" | "));
  for (const [type, name, , sql] of schema) {
    if (type !== "table") continue;
    lines.push(`-- ${name}`, ...(await dumpTable(query, String(name), String(sql))));
  }
  return lines.join("\n");
}

async function dumpTable(query: Query, name: string, sql: string): Promise<string[]> {
  const isVirtual = /^create virtual/i.test(sql);
  const columns = await columnsOf(query, name);
  const hasRowid = !isVirtual && !/without\s+rowid\s*$/i.test(sql);
  const values = columns.map((column) => quoted(quoteName(column.name)));
  if (hasRowid) values.unshift("rowid");
  const keys = columns.filter(({ isKey }) => isKey).map((column) => quoteName(column.name));
  const order = hasRowid ? "rowid" : keys.join(", ");
  const ordered = order === "" ? "" : ` order by ${order}`;
  const rows = await query(
    `select ${values.join(" || ',' || ")} from ${quoteName(name)}${ordered}`,
  );
  return rows.map(([text]) => String(text));
}

async function columnsOf(query: Query, table: string): Promise<Column[]> {
  // Hidden columns of virtual tables are arguments and handles, not content.
  const from = `pragma_table_xinfo(${quoteText(table)}) where hidden <> 1`;
  const rows = await query(`select name, pk from ${from}`);
  return rows.map(([name, pk]) => ({ name: String(name), isKey: Number(pk) > 0 }));
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The first lines in which two dumps differ, or undefined: whole dumps are too long to show. */
export function findDumpDifference(actual: string, expected: string): string | undefined {
  if (actual === expected) return undefined;
  const [a, b] = [actual.split("\n"), expected.split("\n")];
  const at = a.findIndex((line, index) => line !== b[index]);
  const line = at < 0 ? a.length : at;
  const shown = (lines: readonly string[]) => (lines[line] ?? "(nothing)").slice(0, SHOWN_MAX);
  return `line ${line} of ${a.length} and ${b.length}: ${shown(a)} -- expected ${shown(b)}`;
}

export function queryOf(database: BetterSqlite3.Database): (sql: string) => unknown[][] {
  return (sql) => {
    const statement = database.prepare(sql);
    return statement.raw().all() as unknown[][];
  };
}

export function dump(database: BetterSqlite3.Database): Promise<string> {
  return dumpDatabase(queryOf(database));
}

/** "ok", or what is wrong. */
export function integrity(database: BetterSqlite3.Database): string {
  const rows = queryOf(database)("pragma integrity_check");
  return rows.map(([text]) => String(text)).join("\n");
}

/** One value. */
export function scalar(database: BetterSqlite3.Database, sql: string): unknown {
  return queryOf(database)(sql)[0]?.[0];
}
