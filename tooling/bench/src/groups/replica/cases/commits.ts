/**
 * One-row transactions, one after another.
 *
 *   - burst: a few thousand, as fast as they go. The mean of one run is one sample, so that what is
 *     done every so often (a checkpoint, a file that grows) is in it.
 *   - sustained: as many as go into some seconds, with whatever happens in the background: uploads
 *     of Headwater and of litestream-vfs, checkpoints of the plain file.
 *
 * All run with synchronous=NORMAL. The plain file is in WAL mode.
 */

import { SQL } from "../../../dataset/schema.ts";
import type { Sql } from "../child/session.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

const WARM_UP = 200;
const BURST = 5000;
const SUSTAINED_MS = 3000;
const PAYLOAD = "x".repeat(100);

export const commits: ReplicaCase = {
  name: "commits",
  title: "One-row commits",
  contenders: ["headwater", "headwater-node", "litestream", "plain-wal", "plain-wal-node"],
  mode: "write",
  hydrate: false,
  repeat: 3,
  warmUps: 0,
  latencies: "each",
  prepares: false,
  measures: {
    burst: true,
    sustained: true,
    "burst, median": false,
    "burst, p99": false,
    "flush after": true,
  },
  async measure(work: Work): Promise<Samples> {
    const { sql, flush } = await work.open();
    const insert = sql.prepare(SQL.insert);
    let at = 0;
    const commit = () => {
      at += 1;
      insert.run(at, "click", PAYLOAD);
    };
    for (let i = 0; i < WARM_UP; i += 1) commit();
    const burst = measureBurst(commit);
    const sustained = [sustain(commit)];
    expectRows(sql, at);
    if (flush === undefined) return { ...burst, sustained };
    const before = performance.now();
    await flush();
    return { ...burst, sustained, "flush after": [performance.now() - before] };
  },
};

function measureBurst(commit: () => void): Samples {
  const single = new Float64Array(BURST);
  const began = performance.now();
  let last = began;
  for (let i = 0; i < BURST; i += 1) {
    commit();
    const now = performance.now();
    single[i] = now - last;
    last = now;
  }
  single.sort();
  return {
    burst: [(last - began) / BURST],
    "burst, median": [single[BURST / 2] as number],
    "burst, p99": [single[Math.floor(BURST * 0.99)] as number],
  };
}

/** Milliseconds per commit. */
function sustain(commit: () => void): number {
  const began = performance.now();
  let count = 0;
  let elapsed = 0;
  while (elapsed < SUSTAINED_MS) {
    commit();
    count += 1;
    elapsed = performance.now() - began;
  }
  return elapsed / count;
}

function expectRows(sql: Sql, expected: number): void {
  const { count } = sql.prepare("select count(*) as count from events").get() as { count: number };
  if (count !== expected) throw new Error(`${count} rows of ${expected} are there`);
}
