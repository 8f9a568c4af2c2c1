/**
 * Runs one cold start in a fresh process.
 */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { BenchRun } from "../../bench-run.ts";
import type { ColdStartJob, ColdStartSample } from "./cold-start-job.ts";

const SCRIPT = join(import.meta.dirname, "cold-start-child.ts");

export async function runColdStartChild(
  { options, signal, folder }: BenchRun,
  job: ColdStartJob,
): Promise<ColdStartSample> {
  const conditions = options.source ? ["--conditions=@headwater/source"] : [];
  const args = [...conditions, "--no-warnings", SCRIPT, JSON.stringify(job)];
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  if (job.way === "Headwater, compile cache") env.NODE_COMPILE_CACHE = join(folder, "compiled");
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const child = spawn(process.execPath, args, { stdio: [...stdio], signal, env });
  child.once("error", () => undefined);
  const output = await text(child.stdout);
  signal.throwIfAborted();
  if (output === "") throw new Error(`a cold start on ${job.adapter} ended without a result`);
  return JSON.parse(output) as ColdStartSample;
}
