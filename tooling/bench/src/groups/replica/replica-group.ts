/**
 * Replicas in a store: who opens, reads, writes and hydrates them in how much time, and with how
 * many requests.
 */

import type { BenchOptions } from "../../bench-options.ts";
import type { Group } from "../group.ts";
import { REPLICA_CASES } from "./all-cases.ts";
import { CaseRunner } from "./case-runner.ts";
import { CONTENDERS } from "./contenders.ts";
import { ProxiedStore } from "./proxied-store.ts";
import { REPLICA_REFERENCES } from "./references.ts";
import type { ReplicaCase, Spot } from "./replica-case.ts";

export const replicaGroup: Group = {
  name: "replica",
  caseNames: REPLICA_CASES.map(({ name }) => name),
  contenderNames: CONTENDERS.map(({ id }) => id),
  references: REPLICA_REFERENCES,
  title: (caseName) => REPLICA_CASES.find(({ name }) => name === caseName)?.title ?? caseName,
  async run(run) {
    const cases = REPLICA_CASES.filter(({ name }) => run.wantsCase(name));
    if (cases.length === 0) return;
    run.progress("starting the store");
    await using store = await ProxiedStore.start();
    const runner = new CaseRunner(run, store);
    for (const sizeMb of run.options.sizesMb) {
      for (const wanted of cases) {
        for (const spot of spotsOf(wanted, sizeMb, run.options)) {
          await runner.runCase(wanted, [spot]);
        }
      }
    }
    if (run.options.brief) return;
    for (const wanted of cases) {
      if (typeof wanted.at !== "string") await runner.runCase(wanted, wanted.at);
    }
  },
};

/**
 * Where the run wants it. A case with spots of its own is asked for once, not for each size, unless
 * it is to be brief.
 */
function spotsOf(
  { at }: ReplicaCase,
  sizeMb: number,
  { brief, latenciesMs }: BenchOptions,
): readonly Spot[] {
  if (typeof at !== "string" && !brief) return [];
  const latencies = at === "each latency" ? latenciesMs : latenciesMs.slice(-1);
  return latencies.map((latencyMs) => ({ sizeMb, latencyMs }));
}
