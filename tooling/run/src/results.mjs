/**
 * What Vitest leaves behind for the end of `npm test`, and the lines made of it.
 */

import { existsSync, readFileSync } from "node:fs";

/**
 * @typedef {object} Results
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {Array<{ name: string, errors: string[] }>} failures
 * @property {Array<{ name: string, reason: string }>} notRun
 */

/**
 * The results, or one failure if Vitest ended before it could write any.
 *
 * @param {string} file
 * @returns {Results}
 */
export function readResults(file) {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0, failures: [], notRun: [] };
  return JSON.parse(readFileSync(file, "utf8"));
}

/**
 * The last lines of a run. The counts come last and stand alone, for programs that look for them.
 *
 * @param {Results} results
 * @param {string[]} failedStages
 * @returns {string[]}
 */
export function closingLines(results, failedStages) {
  const lines = [""];
  for (const { name, reason } of results.notRun) lines.push(`not run: ${name} (${reason})`);
  for (const { name, errors } of results.failures) {
    lines.push(`failed: ${name}`);
    for (const error of errors) lines.push(...error.split("\n").map((line) => `  ${line}`));
  }
  if (failedStages.length > 0) lines.push(`FAILED: ${failedStages.join(", ")}`);
  const skipped = results.skipped > 0 ? `, ${results.skipped} skipped` : "";
  lines.push(`${results.passed} passed, ${results.failed} failed${skipped}`);
  return lines;
}
