/**
 * The programs of this workspace that a person watches: their output is theirs alone.
 */

import { runCommand } from "./command.mjs";
import { PINNED_NODE } from "./paths.mjs";

/** Workspace packages are used as TypeScript source, with no build between. */
const SOURCE = "--conditions=@headwater/source";

/** @param {string[]} args */
export const demo = (args) => runProgram("apps/demo/src/main.ts", args);

/** @param {string[]} args */
export const bench = (args) => runProgram("tooling/bench/src/main.ts", args);

/** @param {string[]} args */
export const lab = (args) => runProgram("tooling/fault-lab/src/main.ts", args);

/**
 * @param {string} path
 * @param {string[]} args
 */
async function runProgram(path, args) {
  const { exitCode } = await runCommand(PINNED_NODE, [SOURCE, path, ...args], { show: true });
  return exitCode;
}
