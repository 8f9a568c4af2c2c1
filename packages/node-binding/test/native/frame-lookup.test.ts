/**
 * The lock-free look-up, compiled alone and run under sanitizers against a thread that evicts,
 * changes, moves and resizes.
 */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tempDir } from "../support/temp-dir.ts";

const NATIVE = join(import.meta.dirname, "..", "..", "native");
const STRESS = join(import.meta.dirname, "frame_stress.c");
const COMPILER = process.env.CC ?? "cc";
const FLAGS = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"];
const OPERATIONS = 60_000;
const READERS = 2;

/** Of a program that includes `frame_lookup.h` from that folder. */
function compile(source: string, include: string, sanitizer: string) {
  const program = join(tempDir(), "program");
  const args = [...FLAGS, `-fsanitize=${sanitizer}`, `-I${include}`, source, "-o", program];
  const { status, stderr, error } = spawnSync(COMPILER, args, { encoding: "utf8" });
  return { program, problem: status === 0 ? undefined : (error?.message ?? stderr) };
}

/** Why programs with that sanitizer cannot be made or run here; undefined when they can. */
function problemWith(sanitizer: string): string | undefined {
  const source = join(tempDir(), "empty.c");
  writeFileSync(source, "int main(void){ return 0; }\n");
  const { program, problem } = compile(source, NATIVE, sanitizer);
  if (problem !== undefined) return `${COMPILER} has no -fsanitize=${sanitizer}: ${problem}`;
  const { status, stderr } = spawnSync(program, { encoding: "utf8" });
  return status === 0 ? undefined : `-fsanitize=${sanitizer} does not run here: ${stderr}`;
}

function run(include: string, sanitizer: string) {
  const { program, problem } = compile(STRESS, include, sanitizer);
  expect(problem).toBeUndefined();
  const args = [String(OPERATIONS), String(READERS)];
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

describe.each(["thread", "address,undefined"])("look-ups in frames, -fsanitize=%s", (sanitizer) => {
  it("find whole pages of the right version, or none", ({ skip }) => {
    const problem = problemWith(sanitizer);
    skip(problem !== undefined, problem);
    const { status, output } = run(NATIVE, sanitizer);
    expect(output).toMatch(/^[1-9]\d* hits, [1-9]\d* misses, [1-9]\d* evictions/);
    expect(status).toBe(0);
  }, 120_000);

  it("would be seen to find others if they did not look at the version again", ({ skip }) => {
    const problem = problemWith(sanitizer);
    skip(problem !== undefined, problem);
    const header = readFileSync(join(NATIVE, "frame_lookup.h"), "utf8");
    const look = "if( hwWordLoad(&a[HW_FRAME_VERSION])==version )";
    expect(header.split(look)).toHaveLength(2);
    const folder = tempDir();
    writeFileSync(join(folder, "frame_lookup.h"), header.replace(look, "if( 1 )"));
    const { status, output } = run(folder, sanitizer);
    expect(output).toMatch(/page \d+ (is torn|at pin)/);
    expect(status).toBe(1);
  }, 120_000);
});
