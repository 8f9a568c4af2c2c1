/**
 * `npm test`: style, types, tests and packages, all of them even when one fails, and at the very
 * end what did not run and how many passed.
 *
 * With arguments it is the quick loop instead: only the tests, and Vitest gets the arguments.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./command.mjs";
import { BIOME, PINNED_NODE, VITEST } from "./paths.mjs";
import { packageManager } from "./prepare.mjs";
import { stage } from "./progress.mjs";
import { closingLines, readResults } from "./results.mjs";

const REPORTER = "tooling/run/src/reporter.mjs";

/**
 * @param {string[]} args
 * @returns {Promise<number>}
 */
export async function test(args) {
  const folder = mkdtempSync(join(tmpdir(), "headwater-test-"));
  const resultsFile = join(folder, "results.json");
  /** @type {Array<[string, () => Promise<{ exitCode: number, output: string }>]>} */
  const tests = [["tests", () => vitest(args, resultsFile)]];
  const stages = args.length > 0 ? tests : [...checks(), ...tests, ...packages()];
  try {
    const failed = [];
    for (const [name, work] of stages) {
      if ((await stage(name, work)) !== 0) failed.push(name);
    }
    for (const line of closingLines(readResults(resultsFile), failed)) console.log(line);
    return failed.length > 0 ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns {Array<[string, () => Promise<{ exitCode: number, output: string }>]>} */
function checks() {
  return [
    ["style", () => runCommand(PINNED_NODE, [BIOME, "check", "--colors=off", "."])],
    ["types", () => turbo("typecheck")],
  ];
}

/** @returns {Array<[string, () => Promise<{ exitCode: number, output: string }>]>} */
function packages() {
  return [["packages", () => turbo("build", "check:package")]];
}

/** @param {string[]} tasks */
function turbo(...tasks) {
  // Turbo calls pnpm for each task. npx is what puts pnpm on the PATH: nobody has to install it.
  const run = ["exec", "turbo", "run", ...tasks];
  const options = ["--output-logs=errors-only", "--continue=dependencies-successful"];
  return runCommand("npx", ["--yes", packageManager(), ...run, ...options]);
}

/**
 * @param {string[]} args
 * @param {string} resultsFile
 */
function vitest(args, resultsFile) {
  const reporters = ["--reporter=default", `--reporter=${REPORTER}`];
  return runCommand(PINNED_NODE, [VITEST, "run", ...reporters, ...args], {
    show: true,
    env: { HEADWATER_TEST_RESULTS: resultsFile },
  });
}
