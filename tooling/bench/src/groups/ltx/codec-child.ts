/**
 * Runs the loops of one case in a process of its own: `codec-child.ts JOB_AS_JSON`.
 */

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { currentCodec, setCodec } from "@headwater/ltx";
import { CODEC_WORK, type CodecResult, encodeSnapshot } from "./codec-work.ts";
import type { CodecJob } from "./run-codec-child.ts";

const WARM_UPS = 2;

const { caseName, codec, file, folder, repeat } = JSON.parse(process.argv[2] ?? "") as CodecJob;
if (codec === "native") {
  const { nativeCodec } = await import("@headwater/node-binding");
  setCodec(nativeCodec);
}
const database = readFileSync(file);
const outFile = join(folder, "restored.db");
const input = { database, snapshot: await encodeSnapshot(database), outFile };
const results: CodecResult[] = [];
for (const [step, prepare] of Object.entries(CODEC_WORK[caseName])) {
  const run = prepare();
  const samples: number[] = [];
  const processorSamples: number[] = [];
  for (let i = -WARM_UPS; i < repeat; i += 1) {
    const before = performance.now();
    const processorBefore = process.cpuUsage();
    await run(input);
    const { user, system } = process.cpuUsage(processorBefore);
    const seconds = (performance.now() - before) / 1000;
    if (i < 0) continue;
    samples.push(database.length / 1e6 / seconds);
    processorSamples.push(database.length / (user + system));
  }
  results.push({ step, codec: currentCodec().name, samples, processorSamples });
}
rmSync(outFile, { force: true });
process.stdout.write(JSON.stringify(results));
