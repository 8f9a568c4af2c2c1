/**
 * The lab as a program; see the README.
 */

import { runLab } from "./lab-options.ts";
import { runProcesses } from "./processes/run-processes.ts";
import { simulate } from "./simulate.ts";
import { openPlace } from "./soak/open-place.ts";
import { runSoak } from "./soak/run-soak.ts";
import { renderFailure, Summary } from "./summary.ts";

/** So many failures are shown; the rest is counted. */
const FAILURES_SHOWN_MAX = 20;
const PROGRESS_RUNS = 500;
/** Twelve megabytes, and five more at the top of each wave. */
const SOAK_SIZES = { itemsMin: 5_000, bodyBytes: 2_200, wave: 1_200 };
const SOAK_KILL_MS = 60_000;

process.exitCode = await runLab(process.argv.slice(2), {
  async simulate({ firstSeed, lastSeed, trace, harsh, faults, mutations }) {
    const summary = new Summary();
    const onTrace = trace ? (line: string) => process.stdout.write(`${line}\n`) : undefined;
    let isInterrupted = false;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      // The run under way ends, and what was found so far is told.
      process.once(signal, () => {
        isInterrupted = true;
      });
    }
    for (let seed = firstSeed; seed <= lastSeed && !isInterrupted; seed += 1) {
      if (summary.runCount > 0 && summary.runCount % PROGRESS_RUNS === 0) {
        process.stderr.write(`${summary.runCount} runs, ${summary.failed.length} failed\n`);
      }
      const outcome = await simulate({ seed, faults, mutations, isHarsh: harsh, onTrace });
      summary.add(outcome);
      if (firstSeed === lastSeed) process.stdout.write(`trace ${outcome.traceHash}\n`);
      if (outcome.violations.length === 0 || summary.failed.length > FAILURES_SHOWN_MAX) continue;
      process.stdout.write(`${renderFailure(outcome)}\n`);
    }
    process.stdout.write(`${summary.render()}\n`);
    return summary.failed.length > 0 ? 1 : 0;
  },
  processes: ({ url, minutes, kills, litestream }) =>
    runProcesses({
      place: { url },
      durationMs: minutes * 60_000,
      killsMax: kills,
      litestream,
      onNews: (line) => process.stderr.write(`${line}\n`),
    }).then((report) => {
      process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
      return report.problems.length > 0 ? 1 : 0;
    }),
  async soak({ url, minutes, perSecond }) {
    await using place = await openPlace(url);
    const report = await runSoak({
      place,
      durationMs: minutes * 60_000,
      perSecond,
      sizes: SOAK_SIZES,
      killMs: SOAK_KILL_MS,
      onNews: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    return report.problems.length > 0 ? 1 : 0;
  },
});
