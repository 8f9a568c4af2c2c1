/**
 * The LTX format: a snapshot to a database and back, beside the bare loops that this is made of.
 */

import type { BenchRun } from "../../bench-run.ts";
import { makeMeasurement } from "../../measurement.ts";
import { formatValue } from "../../report/units.ts";
import type { Group } from "../group.ts";
import { CODEC_NAMES, CODEC_WORK, type CodecCase, type CodecResult } from "./codec-work.ts";
import { runCodecChild } from "./run-codec-child.ts";

const TITLES: Readonly<Record<CodecCase, string>> = {
  decode: "LTX snapshot to database file",
  encode: "Database file to LTX snapshot",
};
const BARE_LZ4 = "bare LZ4";
const REPEAT = 5;

export const ltxGroup: Group = {
  name: "ltx",
  caseNames: Object.keys(TITLES),
  contenderNames: [],
  title: (caseName) => TITLES[caseName as CodecCase] ?? caseName,
  references: [
    {
      heading: "/ LZ4",
      find: (row, alike) =>
        alike.find(({ contender, driver }) => contender === BARE_LZ4 && driver === row.driver),
    },
  ],
  async run(run) {
    for (const sizeMb of run.options.sizesMb) {
      for (const caseName of Object.keys(CODEC_WORK) as CodecCase[]) {
        if (!run.wantsCase(caseName)) continue;
        const { file } = run.dataset(sizeMb);
        const repeat = run.options.repeat ?? REPEAT;
        for (const codec of CODEC_NAMES) {
          const job = { caseName, codec, file, folder: run.folder, repeat };
          for (const result of await runCodecChild(run, job)) {
            record(run, { caseName, sizeMb, result });
          }
        }
      }
    }
  },
};

interface Found {
  readonly caseName: CodecCase;
  readonly sizeMb: number;
  readonly result: CodecResult;
}

function record(run: BenchRun, { caseName, sizeMb, result }: Found): void {
  const { step, codec, samples, processorSamples } = result;
  const byTime = [
    ["by the clock", samples],
    ["by processor time", processorSamples],
  ] as const;
  for (const [measure, values] of byTime) {
    const measurement = makeMeasurement(
      {
        group: "ltx",
        case: caseName,
        measure,
        unit: "MB/s",
        contender: step,
        driver: codec,
        sizeMb,
        latencyMs: undefined,
        shown: true,
      },
      values,
    );
    run.record(measurement);
    const speed = formatValue(measurement.summary.median, "MB/s");
    run.progress(`${sizeMb} MB: ${caseName}: ${step} (${codec}), ${measure}: ${speed}`);
  }
}
