/**
 * C programs made of the native half's files without Node, under a sanitizer of the compiler.
 */

import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "./temp-dir.ts";

export const NATIVE = join(import.meta.dirname, "..", "..", "native");

const COMPILER = process.env.CC ?? "cc";
const FLAGS = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"];
/** They need Node, or a SQLite library to register with. */
const BORDER = /^(addon.*|extension|vfs)\.c$/;

/** The page device in that folder, without its border to Node and to SQLite. */
export function deviceSources(folder: string): readonly string[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".c") && !BORDER.test(name));
  return files.map((name) => join(folder, name));
}

export interface Program {
  readonly sources: readonly string[];
  /** Where headers are. */
  readonly include: string;
  readonly sanitizer: string;
}

function compile({ sources, include, sanitizer }: Program) {
  const path = join(tempDir(), "program");
  const args = [...FLAGS, `-fsanitize=${sanitizer}`, `-I${include}`, ...sources, "-o", path];
  const { status, stderr, error } = spawnSync(COMPILER, args, { encoding: "utf8" });
  return { path, problem: status === 0 ? undefined : (error?.message ?? stderr) };
}

/** Why programs with that sanitizer cannot be made or run here; undefined when they can. */
export function problemWith(sanitizer: string): string | undefined {
  const source = join(tempDir(), "empty.c");
  writeFileSync(source, "int main(void){ return 0; }\n");
  const { path, problem } = compile({ sources: [source], include: NATIVE, sanitizer });
  if (problem !== undefined) return `${COMPILER} has no -fsanitize=${sanitizer}: ${problem}`;
  const { status, stderr } = spawnSync(path, { encoding: "utf8" });
  return status === 0 ? undefined : `-fsanitize=${sanitizer} does not run here: ${stderr}`;
}

export interface Outcome {
  readonly status: number | null;
  readonly output: string;
}

export function runProgram(program: Program, args: readonly string[]): Outcome {
  const { path, problem } = compile(program);
  if (problem !== undefined) throw new Error(problem);
  const { status, stdout, stderr } = spawnSync(path, args, { encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}
