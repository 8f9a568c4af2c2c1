/**
 * Libraries that are loaded before everything else into a program of the tests.
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Compiles a file of test/native. Undefined where no library can be put before the others. */
export function preload(source: string, folder: string): string | undefined {
  if (process.platform !== "linux") return undefined;
  const from = fileURLToPath(new URL(`../native/${source}`, import.meta.url));
  const path = join(folder, "preload.so");
  const { status } = spawnSync("cc", ["-shared", "-fPIC", "-o", path, from, "-ldl"]);
  return status === 0 ? path : undefined;
}
