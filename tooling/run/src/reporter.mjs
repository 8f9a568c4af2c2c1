/**
 * A Vitest reporter that writes the totals, what failed and with which errors, and what did not
 * run, with the reason.
 *
 * The reason is what the test gave: `context.skip(condition, "why")`, in the test or in a
 * `beforeEach` of its group. A group that was skipped whole for one reason is one line.
 */

import { writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

const NO_REASON = "no reason given";

/** What one failure may show at the end; everything else is in Vitest's own report above. */
const CAUSES_MAX = 8;
const FRAMES_MAX = 5;

/** @typedef {import("vitest/node").TestCase} TestCase */
/** @typedef {import("vitest/node").TestModule} TestModule */
/** @typedef {import("vitest/node").TestSuite} TestSuite */
/** @typedef {import("./results.mjs").Results} Results */
/** @typedef {Results["notRun"][number]} NotRun */
/** @typedef {Results["failures"][number]} Failure */

/** Vitest makes one of these and asks for it as the default export. */
export default class ResultsReporter {
  /** @param {ReadonlyArray<TestModule>} modules */
  onTestRunEnd(modules) {
    const file = process.env.HEADWATER_TEST_RESULTS;
    if (file !== undefined) writeFileSync(file, JSON.stringify(summarize(modules)));
  }
}

/**
 * @param {ReadonlyArray<TestModule>} modules
 * @returns {Results}
 */
export function summarize(modules) {
  /** @type {Results} */
  const results = { passed: 0, failed: 0, skipped: 0, failures: [], notRun: [] };
  for (const module of modules) {
    let failedTests = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") results.passed += 1;
      else if (state === "skipped") results.skipped += 1;
      else {
        failedTests += 1;
        results.failures.push(failureOf(`${module.relativeModuleId} > ${test.fullName}`, test));
      }
    }
    if (module.errors().length > 0) {
      results.failures.push(failureOf(module.relativeModuleId, module));
    }
    // A file that does not even load has no test to count, and must count all the same.
    results.failed += failedTests === 0 && !module.ok() ? 1 : failedTests;
    results.notRun.push(...notRun(module));
  }
  return results;
}

/**
 * @param {string} name
 * @param {TestCase | TestModule} failed
 * @returns {Failure}
 */
function failureOf(name, failed) {
  const errors = failed.type === "module" ? failed.errors() : (failed.result().errors ?? []);
  return { name, errors: errors.map(describeError) };
}

/**
 * The error, its causes, and where it was thrown.
 *
 * @param {{ name?: string, message: string, stack?: string, cause?: unknown }} error
 * @returns {string}
 */
function describeError(error) {
  const parts = [];
  /** @type {typeof error | undefined} */
  let next = error;
  for (let depth = 0; next !== undefined && next !== null && depth < CAUSES_MAX; depth += 1) {
    parts.push(stripVTControlCharacters(`${next.name ?? "Error"}: ${next.message ?? ""}`));
    next = /** @type {typeof error | undefined} */ (next.cause);
  }
  const frames = (error.stack ?? "").split("\n").filter(isOwnFrame);
  return [parts.join("; "), ...frames.slice(0, FRAMES_MAX)].join("\n");
}

/** @param {string} line */
function isOwnFrame(line) {
  return /^\s+at /.test(line) && !/node_modules|node:internal/.test(line);
}

/**
 * @param {TestModule | TestSuite} group
 * @returns {NotRun[]}
 */
function notRun(group) {
  const tests = [...group.children.allTests()];
  if (tests.length === 0) return [];
  const reasons = new Set(tests.map(skipReason));
  const [reason] = reasons;
  if (reasons.size === 1 && group.type === "suite") {
    return reason === undefined ? [] : [{ name: group.fullName, reason }];
  }
  return group.children.array().flatMap((child) => {
    if (child.type === "suite") return notRun(child);
    const why = skipReason(child);
    return why === undefined ? [] : [{ name: child.fullName, reason: why }];
  });
}

/** @param {TestCase} test */
function skipReason(test) {
  const result = test.result();
  if (result.state !== "skipped") return undefined;
  return result.note ?? NO_REASON;
}
