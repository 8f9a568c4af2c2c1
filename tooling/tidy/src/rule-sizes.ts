/**
 * How long a file, a line and a native function may be. Functions of TypeScript are measured by
 * the linter, which knows the same limit.
 */

import { isNative, isScript, isVendored, type Problem } from "./workspace.ts";

export const FILE_LINES_MAX = 500;
export const LINE_COLUMNS_MAX = 100;
export const FUNCTION_LINES_MAX = 70;

export function checkSizes(path: string, text: string): Problem[] {
  if (isVendored(path) || !(isScript(path) || isNative(path))) return [];
  const problems: Problem[] = [];
  const lines = text.replace(/\n$/, "").split("\n");
  if (lines.length > FILE_LINES_MAX) {
    problems.push({ path, message: `${lines.length} lines; the limit is ${FILE_LINES_MAX}` });
  }
  for (const [index, line] of lines.entries()) {
    if (line.length <= LINE_COLUMNS_MAX) continue;
    const where = `line ${index + 1} has ${line.length} columns`;
    problems.push({ path, message: `${where}; the limit is ${LINE_COLUMNS_MAX}` });
  }
  if (isNative(path)) problems.push(...checkNativeFunctions(path, lines));
  return problems;
}

/**
 * In SQLite's manner of writing C, a function ends its head with an opening brace, at the start of
 * a line or after its parameters, and closes with a brace alone in the first column.
 */
function checkNativeFunctions(path: string, lines: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  let start: number | undefined;
  for (const [index, line] of lines.entries()) {
    if (/^[^\s#/*}].*\)\s*\{$|^\)\s*\{$|^\{$/.test(line)) start = index;
    if (!/^\}/.test(line) || start === undefined) continue;
    const length = index - start - 1;
    if (length > FUNCTION_LINES_MAX) {
      const where = `the function that ends at line ${index + 1} has ${length} lines`;
      problems.push({ path, message: `${where}; the limit is ${FUNCTION_LINES_MAX}` });
    }
    start = undefined;
  }
  return problems;
}
