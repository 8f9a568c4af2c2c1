/**
 * `pnpm bench`: measures, prints tables, and writes everything to a JSON file.
 */

import { ServerUnavailable } from "@headwater/servers";
import { parseBenchOptions } from "./bench-options.ts";
import { BenchRun } from "./bench-run.ts";
import { BuildFailed, buildPackages } from "./build-packages.ts";
import { GROUPS } from "./groups/all-groups.ts";
import { replicaGroup } from "./groups/replica/replica-group.ts";
import { machineFacts } from "./machine-facts.ts";
import { checkBars, renderBars } from "./report/check-bars.ts";
import { writeJsonReport } from "./report/json-file.ts";
import { renderSummary } from "./report/summary.ts";
import { renderTables } from "./report/tables.ts";
import { versionFacts } from "./version-facts.ts";

const args = process.argv.slice(2);
const options = parseBenchOptions(args, GROUPS);
const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => interrupt.abort(new Error("interrupted")));
}
try {
  process.exitCode = await bench();
} catch (error) {
  if (interrupt.signal.aborted) {
    process.stderr.write("interrupted: nothing is reported\n");
    process.exitCode = 130;
  } else if (error instanceof ServerUnavailable || error instanceof BuildFailed) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else throw error;
}

async function bench(): Promise<number> {
  const startedAt = new Date();
  const groups = GROUPS.filter(({ name }) => options.groups.includes(name));
  using run = new BenchRun(options, interrupt.signal);
  const machine = machineFacts();
  if (!options.source) {
    run.progress("building the packages");
    await buildPackages();
  }
  for (const group of groups) await group.run(run);
  const { measurements, omissions } = run;
  const cases = groups.flatMap(({ caseNames }) => caseNames).filter((name) => run.wantsCase(name));
  const bars = options.check ? checkBars(measurements, new Set(cases)) : undefined;
  const file = writeJsonReport(
    {
      startedAt: startedAt.toISOString(),
      durationSeconds: (Date.now() - startedAt.getTime()) / 1000,
      command: ["pnpm", "bench", ...args].join(" "),
      packages: options.source ? "source" : "built",
      machine,
      versions: versionFacts(),
      measurements,
      omissions,
      bars,
    },
    options.out,
  );
  const { cpuModel, cores, node } = machine;
  console.log(`${cpuModel}, ${cores} cores, Node.js ${node}.`);
  console.log("Medians. Ratios at the last latency. Requests of one whole run of a case.");
  console.log(`\n${renderTables({ groups, measurements, omissions })}`);
  if (options.markdown) {
    const latencyMs = Math.max(...options.latenciesMs);
    for (const sizeMb of options.sizesMb) {
      const summary = { group: replicaGroup, measurements, sizeMb, latencyMs };
      console.log(`\n${renderSummary(summary)}`);
    }
  }
  if (bars !== undefined) console.log(`\n${renderBars(bars)}`);
  console.log(`\nAll samples: ${file}`);
  return bars?.every(({ met }) => met) === false ? 1 : 0;
}
