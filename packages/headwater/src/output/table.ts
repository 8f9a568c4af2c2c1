/**
 * Rows in columns, without lines: to be read, and to be taken apart by other programs.
 */

import Table from "cli-table3";

export type TableCell = string | { readonly right: string };
export type TableRow = readonly TableCell[];

const NO_LINES = Object.fromEntries(
  [
    ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left"],
    ["bottom-right", "left", "left-mid", "mid", "mid-mid", "right", "right-mid"],
  ]
    .flat()
    .map((name) => [name, ""]),
);

export function formatTable(
  head: readonly string[],
  rows: readonly TableRow[],
  colorHead: (text: string) => string,
): string {
  const table = new Table({
    chars: { ...NO_LINES, middle: "  " },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  if (head.length > 0)
    table.push(head.map((text, at) => toCell(isRight(rows, at), colorHead(text))));
  for (const row of rows) {
    table.push(
      row.map((cell) =>
        typeof cell === "string" ? toCell(false, cell) : toCell(true, cell.right),
      ),
    );
  }
  const lines = table.toString().split("\n");
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

function toCell(isRight: boolean, content: string) {
  return { content, hAlign: isRight ? ("right" as const) : ("left" as const) };
}

/** Heads stand over their column. */
function isRight(rows: readonly TableRow[], at: number): boolean {
  const cell = rows[0]?.[at];
  return cell !== undefined && typeof cell !== "string";
}
