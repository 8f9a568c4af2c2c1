/**
 * Replicas in a store: who opens, reads, writes and hydrates them in how much time, and with how
 * many requests.
 */

import type { Group } from "../group.ts";
import { REPLICA_CASES } from "./all-cases.ts";
import { CaseRunner } from "./case-runner.ts";
import { CONTENDERS } from "./contenders.ts";
import { ProxiedStore } from "./proxied-store.ts";
import { REPLICA_REFERENCES } from "./references.ts";
import { makeReplica } from "./replicas.ts";

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
    for (const sizeMb of run.options.sizesMb) {
      const dataset = run.dataset(sizeMb);
      const replica = await makeReplica(store, dataset);
      const runner = new CaseRunner({ run, store, dataset, replica });
      for (const wanted of cases) await runner.runCase(wanted);
    }
  },
};
