/**
 * Runs one case of the codec in a fresh process, so that no other loop has shaped its machine code.
 */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { BenchRun } from "../../bench-run.ts";
import type { CodecCase, CodecName, CodecResult } from "./codec-work.ts";

export interface CodecJob {
  readonly caseName: CodecCase;
  readonly codec: CodecName;
  /** The database. */
  readonly file: string;
  readonly folder: string;
  readonly repeat: number;
}

const SCRIPT = join(import.meta.dirname, "codec-child.ts");

export async function runCodecChild(
  { options, signal }: BenchRun,
  job: CodecJob,
): Promise<readonly CodecResult[]> {
  const conditions = options.source ? ["--conditions=@headwater/source"] : [];
  const args = [...conditions, "--no-warnings", SCRIPT, JSON.stringify(job)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], signal });
  child.once("error", () => undefined);
  const output = await text(child.stdout);
  signal.throwIfAborted();
  if (output === "") throw new Error(`the codec's case "${job.caseName}" ended without a result`);
  return JSON.parse(output) as CodecResult[];
}
