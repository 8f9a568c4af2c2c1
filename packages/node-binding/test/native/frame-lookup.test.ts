/**
 * The lock-free look-up, compiled alone and run under sanitizers against a thread that evicts,
 * changes, moves and resizes.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { NATIVE, problemWith, runProgram } from "../support/sanitized-program.ts";
import { tempDir } from "../support/temp-dir.ts";

const sources = [join(import.meta.dirname, "frame_stress.c")];
const OPERATIONS = 60_000;
const READERS = 2;
/** How often more operations are tried: on a busy machine threads seldom meet. */
const TRIES = 4;

describe.each(["thread", "address,undefined"])("look-ups in frames, -fsanitize=%s", (sanitizer) => {
  it("find whole pages of the right version, or none", ({ skip }) => {
    const problem = problemWith(sanitizer);
    skip(problem !== undefined, problem);
    const args = [String(OPERATIONS), String(READERS)];
    const { status, output } = runProgram({ sources, include: NATIVE, sanitizer }, args);
    expect(output).toMatch(/^[1-9]\d* hits, [1-9]\d* misses, [1-9]\d* evictions/);
    expect(status).toBe(0);
  }, 120_000);

  it("would be seen to find others if they did not look at the version again", ({ skip }) => {
    const problem = problemWith(sanitizer);
    skip(problem !== undefined, problem);
    const header = readFileSync(join(NATIVE, "frame_lookup.h"), "utf8");
    const look = "if( hwWordLoad(&a[HW_FRAME_VERSION])==version )";
    expect(header.split(look)).toHaveLength(2);
    const include = tempDir();
    writeFileSync(join(include, "frame_lookup.h"), header.replace(look, "if( 1 )"));
    let output = "";
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const args = [String(OPERATIONS * 4 ** attempt), String(READERS)];
      const outcome = runProgram({ sources, include, sanitizer }, args);
      output += outcome.output;
      if (outcome.status !== 0) break;
    }
    expect(output).toMatch(/page \d+ (is torn|at pin)/);
  }, 300_000);
});
