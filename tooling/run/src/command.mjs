/**
 * Runs one command to its end, either shown as it goes or kept aside and shown only when it fails.
 */

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter } from "node:path";
import { BIN_FOLDERS, ROOT } from "./paths.mjs";

/** Enough to hold a page of compiler errors; what was printed before it is dropped. */
const OUTPUT_CHARACTERS_MAX = 1_000_000;

const OUTPUT_LINES_SHOWN = 80;

/**
 * @typedef {object} CommandOptions
 * @property {boolean} [show] Print its output as it comes, instead of keeping it.
 * @property {boolean} [bare] Use the caller's PATH alone: before there is anything to put first.
 * @property {NodeJS.ProcessEnv} [env] Added to the environment.
 */

/**
 * @param {string} file
 * @param {string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<{ exitCode: number, output: string }>}
 */
export function runCommand(file, args, options = {}) {
  const show = options.show ?? false;
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: ROOT,
      env: environment(options),
      stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    });
    let output = "";
    /** @param {Buffer} chunk */
    const keep = (chunk) => {
      output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    // A terminal sends Ctrl-C to the child as well. The child decides what it means.
    const ignore = () => {};
    process.on("SIGINT", ignore);
    const terminate = () => child.kill("SIGTERM");
    process.on("SIGTERM", terminate);
    /** @param {number} exitCode */
    const finish = (exitCode) => {
      process.off("SIGINT", ignore);
      process.off("SIGTERM", terminate);
      resolve({ exitCode, output });
    };
    child.on("error", (error) => {
      output += String(error.message);
      finish(127);
    });
    child.on("close", (code, signal) => {
      finish(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/**
 * The end of what a command printed, without colours and without the blank lines around it.
 *
 * @param {string} output
 */
export function lastLines(output) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters.
  const plain = output.replace(/\u001b\[[0-9;]*[A-Za-z]/g, "").trim();
  const lines = plain.split("\n");
  const shown = lines.slice(-OUTPUT_LINES_SHOWN);
  const left = lines.length - shown.length;
  return (left > 0 ? [`(${left} lines before this)`, ...shown] : shown).join("\n");
}

/**
 * @param {CommandOptions} options
 * @returns {NodeJS.ProcessEnv}
 */
function environment(options) {
  const path = process.env.PATH ?? "";
  return {
    ...process.env,
    PATH: options.bare ? path : [...BIN_FOLDERS, path].join(delimiter),
    // What nobody watches must not ask a question, and nothing may be sent about this run.
    ...(options.show ? {} : { CI: "true" }),
    TURBO_TELEMETRY_DISABLED: "1",
    DO_NOT_TRACK: "1",
    ...options.env,
  };
}
