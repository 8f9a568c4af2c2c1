/**
 * What a fresh process pays before its first answer from a store, for each adapter, beside the
 * vendor's SDK alone: in processor time, by the clock, and in memory.
 *
 * Stores are on loopback, so that the network counts for nothing. The ways take turns, so that a
 * machine which grows slower meanwhile is slower for both.
 */

import { ServerUnavailable } from "@headwater/servers";
import type { BenchRun } from "../../bench-run.ts";
import { makeMeasurement } from "../../measurement.ts";
import { formatValue } from "../../report/units.ts";
import type { Group } from "../group.ts";
import { ADAPTERS, type Adapter, type ColdStartSample, WAYS, type Way } from "./cold-start-job.ts";
import { type ColdStartStore, startColdStartStore } from "./cold-start-stores.ts";
import { runColdStartChild } from "./run-cold-start-child.ts";

const CASE = "cold-start";
const REPEAT = 15;
const WITHOUT_SDK: readonly Adapter[] = ["memory", "file"];

const MEASURES = [
  ["import, processor time", "ms", "importProcessorMs"],
  ["import and first answer, processor time", "ms", "answerProcessorMs"],
  ["import and first answer, by the clock", "ms", "answerClockMs"],
  ["resident memory", "MB", "residentMb"],
] as const satisfies readonly (readonly [string, "ms" | "MB", keyof ColdStartSample])[];

export const coldStartGroup: Group = {
  name: "cold-start",
  caseNames: [CASE],
  contenderNames: [...ADAPTERS],
  title: () => "A fresh process's first answer from a store on loopback",
  references: [
    {
      heading: "/ bare SDK",
      find: (row, alike) =>
        alike.find(({ contender, driver }) => contender === "bare SDK" && driver === row.driver),
    },
  ],
  async run(run) {
    if (!run.wantsCase(CASE)) return;
    for (const adapter of ADAPTERS) {
      if (run.wantsContender(adapter)) await measureAdapter(run, adapter);
    }
  },
};

async function measureAdapter(run: BenchRun, adapter: Adapter): Promise<void> {
  let store: ColdStartStore;
  try {
    store = await startColdStartStore(adapter, run);
  } catch (error) {
    if (!(error instanceof ServerUnavailable)) throw error;
    const { message: reason } = error;
    run.omit({ group: CASE, case: CASE, contender: adapter, ...NOWHERE, reason });
    return;
  }
  try {
    const ways = WITHOUT_SDK.includes(adapter) ? WAYS.slice(0, 2) : WAYS;
    const samples = new Map<Way, ColdStartSample[]>(ways.map((way) => [way, []]));
    // The first of each way reads its files from the disk, may fill a cache, and is not counted.
    for (let round = -1; round < (run.options.repeat ?? REPEAT); round += 1) {
      for (const [way, found] of samples) {
        const sample = await runColdStartChild(run, { ...store.job, way });
        if (round >= 0) found.push(sample);
      }
    }
    for (const [way, found] of samples) record(run, { adapter, way, samples: found });
  } finally {
    await store.stop();
  }
}

const NOWHERE = { sizeMb: 0, latencyMs: undefined } as const;

interface Found {
  readonly adapter: Adapter;
  readonly way: Way;
  readonly samples: readonly ColdStartSample[];
}

function record(run: BenchRun, { adapter, way, samples }: Found): void {
  for (const [measure, unit, field] of MEASURES) {
    const facts = { group: "cold-start", case: CASE, measure, unit, contender: way };
    const values = samples.map((sample) => sample[field]);
    const measurement = makeMeasurement(
      { ...facts, driver: adapter, ...NOWHERE, shown: true },
      values,
    );
    run.record(measurement);
    const value = formatValue(measurement.summary.median, unit);
    run.progress(`cold start: ${way} (${adapter}), ${measure}: ${value}`);
  }
}
