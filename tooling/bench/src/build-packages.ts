/**
 * Builds the packages as they are published, since that is what users run: from the TypeScript
 * sources, a fresh process would spend most of its time on stripping types.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./bench-run.ts";

export class BuildFailed extends Error {}

export async function buildPackages(): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly packageManager: string;
  };
  // Turbo wants pnpm on the PATH, and npx puts it there. What is unchanged is not built again.
  const task = ["turbo", "run", "build", "--filter=@headwater/node-binding..."];
  const args = ["--yes", manifest.packageManager, "exec", ...task, "--output-logs=errors-only"];
  const child = spawn("npx", args, {
    cwd: ROOT,
    stdio: ["ignore", process.stderr, process.stderr],
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" },
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new BuildFailed("The packages could not be built; see above.");
}
