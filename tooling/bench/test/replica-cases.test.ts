/**
 * Every case on a real store, in its short variant: that it runs and measures what it says. How
 * long anything took is nobody's concern here.
 */

import { type S3Connection, useServer } from "@headwater/servers/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BenchRun } from "../src/bench-run.ts";
import { REPLICA_CASES } from "../src/groups/replica/all-cases.ts";
import { CaseRunner } from "../src/groups/replica/case-runner.ts";
import type { ContenderId } from "../src/groups/replica/contenders.ts";
import { ProxiedStore } from "../src/groups/replica/proxied-store.ts";

const PART = "the cases of the benchmark, briefly";
const SPOT = { sizeMb: 2, latencyMs: 1 };
const CASE_MS_MAX = 120_000;
/** Whoever measures Headwater and what it is compared with; litestream-vfs is not ours to test. */
const CONTENDERS: readonly ContenderId[] = ["headwater", "plain", "plain-wal", "wire"];

const answer = await useServer("ceph", PART);
if (answer.available) casesOn(answer.connection);
else describe.skip(PART, () => it(answer.reason, () => undefined));

function casesOn(connection: S3Connection): void {
  describe(PART, () => {
    let store: ProxiedStore;
    let run: BenchRun;
    let runner: CaseRunner;
    beforeAll(async () => {
      store = await ProxiedStore.start({ ...connection, stop: async () => undefined });
      const options = { groups: [], sizesMb: [], latenciesMs: [], cases: undefined } as const;
      const quick = { repeat: undefined, brief: true, source: true, only: CONTENDERS } as const;
      const report = { out: undefined, check: false, markdown: false } as const;
      const signal = new AbortController().signal;
      run = new BenchRun({ ...options, ...quick, ...report }, signal);
      runner = new CaseRunner(run, store);
    });
    afterAll(async () => {
      run?.[Symbol.dispose]();
      await store?.[Symbol.asyncDispose]();
    });

    it.each(REPLICA_CASES.map((one) => [one.name, one] as const))(
      "%s",
      async (name, wanted) => {
        await runner.runCase(wanted, [SPOT]);
        expect(run.omissions.filter((one) => one.case === name)).toEqual([]);
        const found = run.measurements.filter((one) => one.case === name);
        const measures = new Set(found.map(({ measure }) => measure));
        expect([...measures].sort()).toEqual(Object.keys(wanted.measures).sort());
        const others = wanted.contenders.filter((id) => CONTENDERS.includes(id));
        const who = new Set(found.map(({ contender, driver }) => `${contender} ${driver}`));
        expect(who.size).toBe(others.length);
      },
      CASE_MS_MAX,
    );
  });
}
