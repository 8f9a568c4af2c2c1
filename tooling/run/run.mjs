#!/usr/bin/env node

/**
 * The one command behind `npm test`, `npm run demo`, `npm run bench` and `npm run lab`.
 *
 * Always true:
 *   - It is plain JavaScript with no dependency, because it runs before anything is installed, on
 *     whatever Node.js the machine has. Everything after it runs on the pinned one.
 *   - It does what is missing and nothing else: installing and building are skipped when current.
 *   - Its exit code is zero only if all it did succeeded.
 */

import { prepare } from "./src/prepare.mjs";
import { ProblemError } from "./src/problem.mjs";
import { bench, demo, lab } from "./src/programs.mjs";
import { test } from "./src/test.mjs";

/** @type {Record<string, (args: string[]) => Promise<number>>} */
const STEPS = { prepare: async () => 0, test, demo, bench, lab };

const [name = "", ...rest] = process.argv.slice(2);
const step = STEPS[name];
if (step === undefined) {
  console.error(`usage: node tooling/run/run.mjs ${Object.keys(STEPS).join("|")} [-- arguments]`);
  process.exit(2);
}

try {
  await prepare();
  process.exitCode = await step(rest[0] === "--" ? rest.slice(1) : rest);
} catch (error) {
  if (!(error instanceof ProblemError)) throw error;
  console.error(`\n${error.message}`);
  process.exitCode = error.exitCode;
}
