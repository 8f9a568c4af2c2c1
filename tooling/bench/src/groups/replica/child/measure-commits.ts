/**
 * Transactions one after another, as the cases of commits measure them.
 *
 *   - burst: some hundreds or thousands, as fast as they go. The mean of one run is one sample, so
 *     that what is done every so often (a checkpoint, a file that grows) is in it.
 *   - sustained: as many as go into some seconds, with whatever happens in the background: uploads
 *     of Headwater and of litestream-vfs, checkpoints of the plain file.
 */

import type { Samples } from "../job.ts";
import type { Session, Sql } from "./session.ts";

const SUSTAINED_MS = 3000;
const SUSTAINED_MS_BRIEF = 100;
const PAYLOAD = "x".repeat(100);

export interface CommitWork {
  /** Adds this many rows of `events`, numbered from `at` on, in one transaction. */
  readonly add: (sql: Sql) => (at: number) => void;
  readonly rows: number;
  readonly warmUpCount: number;
  readonly burstCount: number;
  readonly brief: boolean;
}

export async function measureCommits({ sql, flush }: Session, work: CommitWork): Promise<Samples> {
  const { rows, warmUpCount, burstCount, brief } = work;
  const add = work.add(sql);
  let at = 0;
  const commit = () => {
    add(at);
    at += rows;
  };
  for (let i = 0; i < warmUpCount; i += 1) commit();
  const burst = measureBurst(commit, burstCount);
  const sustained = [sustain(commit, brief ? SUSTAINED_MS_BRIEF : SUSTAINED_MS)];
  expectRows(sql, at);
  if (flush === undefined) return { ...burst, sustained };
  const before = performance.now();
  await flush();
  return { ...burst, sustained, "flush after": [performance.now() - before] };
}

/** What one row holds, after its number. */
export const EVENT = ["click", PAYLOAD] as const;

export function expectRows(sql: Sql, expected: number): void {
  const { count } = sql.prepare("select count(*) as count from events").get() as { count: number };
  if (count !== expected) throw new Error(`${count} rows of ${expected} are there`);
}

function measureBurst(commit: () => void, count: number): Samples {
  const single = new Float64Array(count);
  const began = performance.now();
  let last = began;
  for (let i = 0; i < count; i += 1) {
    commit();
    const now = performance.now();
    single[i] = now - last;
    last = now;
  }
  single.sort();
  return {
    burst: [(last - began) / count],
    "burst, median": [single[Math.floor(count / 2)] as number],
    "burst, p99": [single[Math.floor(count * 0.99)] as number],
  };
}

/** Milliseconds per commit. */
function sustain(commit: () => void, durationMs: number): number {
  const began = performance.now();
  let count = 0;
  let elapsed = 0;
  while (elapsed < durationMs) {
    commit();
    count += 1;
    elapsed = performance.now() - began;
  }
  return elapsed / count;
}
