/**
 * A Vitest reporter that writes the totals and the names of what did not run, with the reason.
 *
 * The reason is what the test gave: `context.skip(condition, "why")`, in the test or in a
 * `beforeEach` of its group. A group that was skipped whole for one reason is one line.
 */

import { writeFileSync } from "node:fs";

const NO_REASON = "no reason given";

/** @typedef {import("vitest/node").TestCase} TestCase */
/** @typedef {import("vitest/node").TestModule} TestModule */
/** @typedef {import("vitest/node").TestSuite} TestSuite */
/** @typedef {{ name: string, reason: string }} NotRun */

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
 * @returns {import("./results.mjs").Results}
 */
export function summarize(modules) {
  const results = { passed: 0, failed: 0, skipped: 0, notRun: /** @type {NotRun[]} */ ([]) };
  for (const module of modules) {
    let failedTests = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") results.passed += 1;
      else if (state === "skipped") results.skipped += 1;
      else failedTests += 1;
    }
    // A file that does not even load has no test to count, and must count all the same.
    results.failed += failedTests === 0 && !module.ok() ? 1 : failedTests;
    results.notRun.push(...notRun(module));
  }
  return results;
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
