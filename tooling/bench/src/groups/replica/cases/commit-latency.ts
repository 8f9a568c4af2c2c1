/**
 * What one commit takes by how large the database is and how far away the store: nothing of either
 * may show. The plain file, which knows no store, tells how much differs by chance.
 *
 * One-row commits in batches with pauses between, for some seconds, so that uploads are under way
 * during some of them, and the journal stays small.
 */

import { SQL } from "../../../dataset/schema.ts";
import { percentile } from "../../../statistics.ts";
import { EVENT, expectRows } from "../child/measure-commits.ts";
import type { ReplicaCase } from "../replica-case.ts";

const WARM_UP = 1000;
const BATCH = 200;
const BATCHES = 40;
const PAUSE_MS = 50;

export const commitLatency: ReplicaCase = {
  name: "commit-latency",
  title: "One commit, by size of the database and latency of the store",
  contenders: ["headwater", "plain-wal"],
  mode: "write",
  hydrate: false,
  repeat: 3,
  warmUps: 0,
  at: [
    { sizeMb: 1, latencyMs: 20 },
    { sizeMb: 200, latencyMs: 20 },
    { sizeMb: 20, latencyMs: 0 },
    { sizeMb: 20, latencyMs: 20 },
    { sizeMb: 20, latencyMs: 50 },
  ],
  prepares: false,
  measures: { median: true, p99: true },
  async measure(work) {
    const { sql } = await work.open();
    const insert = sql.prepare(SQL.insert);
    for (let at = 0; at < WARM_UP; at += 1) insert.run(at, ...EVENT);
    const samples = new Float64Array(BATCH * BATCHES);
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let at = 0; at < samples.length; at += 1) {
      if (at % BATCH === 0) Atomics.wait(pause, 0, 0, PAUSE_MS);
      const before = performance.now();
      insert.run(at, ...EVENT);
      samples[at] = performance.now() - before;
    }
    expectRows(sql, WARM_UP + samples.length);
    return { median: [percentile(samples, 0.5)], p99: [percentile(samples, 0.99)] };
  },
};
