/**
 * Short lines that say what is going on and how long it took.
 */

import { lastLines, runCommand } from "./command.mjs";
import { missingThing } from "./missing-thing.mjs";
import { ProblemError } from "./problem.mjs";

/**
 * @param {string} name
 * @param {() => Promise<{ exitCode: number, output: string }>} work
 * @returns {Promise<number>} The exit code.
 */
export async function stage(name, work) {
  const started = performance.now();
  console.log(`> ${name}`);
  const { exitCode, output } = await work();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (exitCode === 0) {
    console.log(`  ${name}: ok, ${seconds} s`);
  } else {
    if (output !== "") console.log(indent(lastLines(output)));
    console.log(`  ${name}: FAILED with exit code ${exitCode}, ${seconds} s`);
  }
  return exitCode;
}

/**
 * A stage without which nothing after it makes sense. If it fails, the last words are what is
 * missing, where that can be told.
 *
 * @param {string} name
 * @param {string} file
 * @param {string[]} args
 * @param {import("./command.mjs").CommandOptions} [options]
 */
export async function requiredStage(name, file, args, options) {
  let printed = "";
  const exitCode = await stage(name, async () => {
    const result = await runCommand(file, args, options);
    printed = result.output;
    return result;
  });
  if (exitCode === 0) return;
  const sentence = missingThing(printed) ?? `Stopped: "${name}" failed, and the rest needs it.`;
  throw new ProblemError(sentence, exitCode);
}

/** @param {string} text */
function indent(text) {
  return text.replace(/^/gm, "    ");
}
