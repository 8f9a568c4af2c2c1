/**
 * One-row commits at a moderate pace, as most programs make them: a pause before each, long enough
 * for the processor to have turned to something else.
 *
 * The same loop for all. What the pause itself costs a commit, by cold caches and a core that was
 * asleep, all pay alike; whoever wakes another thread at each commit pays for that, too.
 */

import { SQL } from "../../../dataset/schema.ts";
import { percentile } from "../../../statistics.ts";
import { EVENT, expectRows } from "../child/measure-commits.ts";
import type { ReplicaCase } from "../replica-case.ts";

const WARM_UP = 1000;
const COMMITS = 3000;
const COMMITS_BRIEF = 300;
const PAUSE_MS = 1;

export const paced: ReplicaCase = {
  name: "paced",
  title: `One-row commits, one every ${PAUSE_MS} ms`,
  contenders: ["headwater", "headwater-node", "plain-wal", "plain-wal-node"],
  mode: "write",
  hydrate: false,
  repeat: 5,
  warmUps: 0,
  at: [{ sizeMb: 20, latencyMs: 20 }],
  prepares: false,
  measures: { commit: true, p99: false },
  async measure(work) {
    const { sql } = await work.open();
    const insert = sql.prepare(SQL.insert);
    for (let at = 0; at < WARM_UP; at += 1) insert.run(at, ...EVENT);
    const count = work.job.brief ? COMMITS_BRIEF : COMMITS;
    const samples = new Float64Array(count);
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let at = 0; at < count; at += 1) {
      Atomics.wait(pause, 0, 0, PAUSE_MS);
      const before = performance.now();
      insert.run(at, ...EVENT);
      samples[at] = performance.now() - before;
    }
    expectRows(sql, WARM_UP + count);
    return { commit: [percentile(samples, 0.5)], p99: [percentile(samples, 0.99)] };
  },
};
