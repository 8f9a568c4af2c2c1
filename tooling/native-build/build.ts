/**
 * Builds packages/node-binding/prebuilds/<target>/headwater.node for the machine this runs on.
 *
 * It compiles a handful of C files with the system's compiler against headers that are in the
 * workspace, and downloads nothing. When no source has changed it does nothing.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { currentTarget } from "../../packages/node-binding/src/target.ts";

const BINDING = fileURLToPath(new URL("../../packages/node-binding/", import.meta.url));
const NATIVE = join(BINDING, "native");

/** Searched for in this order, after what CC names. Debian's g++ brings the first two with it. */
const COMPILERS = ["cc", "gcc", "clang"];

function findCompiler(): string {
  const { CC } = process.env;
  const compiler = [...(CC === undefined ? [] : [CC]), ...COMPILERS].find(
    (command) => spawnSync(command, ["--version"]).status === 0,
  );
  if (compiler !== undefined) return compiler;
  throw new Error("no C compiler found: install gcc or clang (Debian: apt-get install g++)");
}

function flags(debug: boolean, sanitize: string | undefined): string[] {
  const shared =
    process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"];
  return [
    "-std=gnu11",
    debug || sanitize !== undefined ? "-O1" : "-O2",
    "-g",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fPIC",
    "-pthread",
    "-fvisibility=hidden",
    // Or LZ4 would be visible all the same, and other LZ4 libraries of the process to it.
    "-DLZ4LIB_VISIBILITY=",
    ...(sanitize === undefined ? [] : [`-fsanitize=${sanitize}`]),
    ...shared,
  ];
}

function fingerprint(files: readonly string[], parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part}\n`);
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}

function main(): void {
  const debug = process.argv.includes("--debug");
  const sanitize = process.argv.find((argument) => argument.startsWith("--sanitize="))?.slice(11);
  const target = currentTarget();
  const out = join(BINDING, "prebuilds", target, "headwater.node");
  const stamp = `${out}.sha256`;
  const all = readdirSync(NATIVE, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.[ch]$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const sources = all.filter((file) => file.endsWith(".c"));
  const compiler = findCompiler();
  const require = createRequire(join(BINDING, "package.json"));
  const headers = join(dirname(require.resolve("node-api-headers/package.json")), "include");
  const options = flags(debug, sanitize);
  const wanted = fingerprint(all, [compiler, ...options]);
  if (existsSync(out) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  mkdirSync(dirname(out), { recursive: true });
  const libraries = process.platform === "linux" ? ["-ldl"] : [];
  const result = spawnSync(
    compiler,
    [...options, `-I${headers}`, "-o", `${out}.tmp`, ...sources, ...libraries],
    { encoding: "utf8" },
  );
  if (result.status !== 0) throw new Error(`${compiler} failed:\n${result.stderr}`);
  renameSync(`${out}.tmp`, out);
  writeFileSync(stamp, wanted);
  console.log(`built ${target}/headwater.node with ${compiler}`);
}

try {
  main();
} catch (error) {
  // What the compiler said, or that there is none, is all that anybody can use.
  console.error((error as Error).message);
  process.exitCode = 1;
}
