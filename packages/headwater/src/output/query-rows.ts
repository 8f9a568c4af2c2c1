/**
 * What a query gives, as a table or as objects.
 */

import type { Printer } from "./printer.ts";
import type { TableCell } from "./table.ts";
import { formatCount } from "./units.ts";

export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

const BLOB_BYTES_SHOWN = 32;
/** What would move the cursor, or worse. */
const CONTROL = /[^\P{Cc}\n\t]/gu;

export function toObjects({ columns, rows }: QueryResult): object[] {
  const names = distinct(columns);
  return rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]])));
}

/** As SQLite names the columns of a table that is made of them: "a", "a:1". */
function distinct(columns: readonly string[]): string[] {
  const names = new Set<string>();
  for (const column of columns) {
    let name = column;
    for (let count = 1; names.has(name); count += 1) name = `${column}:${count}`;
    names.add(name);
  }
  return [...names];
}

export function formatRows({ columns, rows }: QueryResult, printer: Printer): string {
  if (columns.length === 0) return "";
  const cells = rows.map((row) => row.map((value) => toCell(value, printer)));
  const count = printer.colors.dim(formatCount(rows.length, "row"));
  return `${printer.table(columns.map(printable), cells)}${count}\n`;
}

function toCell(value: unknown, { colors }: Printer): TableCell {
  if (value === null) return colors.dim("NULL");
  if (typeof value === "bigint" || typeof value === "number") return { right: `${value}` };
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value.subarray(0, BLOB_BYTES_SHOWN)).toString("hex");
    return `x'${hex}${value.byteLength > BLOB_BYTES_SHOWN ? "..." : ""}'`;
  }
  return printable(String(value));
}

function printable(text: string): string {
  return text.replace(
    CONTROL,
    (found) => `\\x${found.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
