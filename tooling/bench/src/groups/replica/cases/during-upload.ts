/**
 * Warm reads and commits while a large upload is under way, and without it.
 *
 * The line to the store carries 5 MB/s, so that 10 MB take it two seconds. Each window of
 * measurement is shorter, and lies within the upload from its preparation on. How much differs by
 * chance is what two windows without it differ by.
 */

import { SQL } from "../../../dataset/schema.ts";
import { type Random, randomBetween, seededRandom } from "../../../seeded-random.ts";
import { percentile } from "../../../statistics.ts";
import { BlobPages } from "../child/blob-pages.ts";
import { EVENT } from "../child/measure-commits.ts";
import type { Session } from "../child/session.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

const UPLOAD_BYTES_PER_SECOND = 5_000_000;
/** 10 MB. */
const UPLOAD_PAGES = 2441;
const WINDOW_MS = 1500;
/** Few commits for many reads: what the window itself adds to the journal has to stay small. */
const READS_PER_COMMIT = 250;

const WINDOWS = ["idle", "during an upload", "idle again"] as const;

export const duringUpload: ReplicaCase = {
  name: "during-upload",
  title: "Warm reads and commits during an upload of two seconds",
  contenders: ["headwater"],
  mode: "write",
  hydrate: false,
  repeat: 7,
  warmUps: 0,
  at: [{ sizeMb: 20, latencyMs: 20 }],
  prepares: true,
  uploadBytesPerSecond: UPLOAD_BYTES_PER_SECOND,
  measures: Object.fromEntries(
    ["read", "commit"].flatMap((what) =>
      ["median", "p99"].flatMap((how) => WINDOWS.map((when) => [`${what}, ${how}, ${when}`, true])),
    ),
  ),
  async measure(work) {
    const session = await work.open();
    const { sql, flush, syncStatus } = session;
    if (flush === undefined || syncStatus === undefined) throw new TypeError("nothing uploads");
    const pages = new BlobPages(sql, UPLOAD_PAGES);
    sql.prepare(SQL.scan).get();
    const window = makeWindow(work, session);
    await flush();
    await work.prepared();
    window();
    const samples: Record<string, number[]> = {};
    for (const when of WINDOWS) {
      await flush();
      let isUploading = async () => false;
      if (when === "during an upload") {
        pages.change(UPLOAD_PAGES);
        const { committedSeq } = await syncStatus();
        void flush();
        isUploading = async () => (await syncStatus()).syncedSeq < committedSeq;
      }
      for (const [name, value] of Object.entries(window())) samples[`${name}, ${when}`] = [value];
      if (when === "during an upload" && !(await isUploading())) {
        throw new Error("the upload was over before the window was");
      }
    }
    return samples satisfies Samples;
  },
};

/** Statistics of one window of reads and commits, each timed by itself. */
function makeWindow({ job }: Work, { sql }: Session): () => Readonly<Record<string, number>> {
  const random: Random = seededRandom(job.seed);
  const byKey = sql.prepare(SQL.byKey);
  const insert = sql.prepare(SQL.insert);
  return () => {
    const reads: number[] = [];
    const commits: number[] = [];
    const began = performance.now();
    let last = began;
    while (last - began < WINDOW_MS) {
      for (let i = 0; i < READS_PER_COMMIT; i += 1) {
        const id = randomBetween(random, 1, job.orderCount);
        const before = performance.now();
        byKey.get(id);
        reads.push(performance.now() - before);
      }
      const before = performance.now();
      insert.run(commits.length, ...EVENT);
      last = performance.now();
      commits.push(last - before);
    }
    return {
      "read, median": percentile(reads, 0.5),
      "read, p99": percentile(reads, 0.99),
      "commit, median": percentile(commits, 0.5),
      "commit, p99": percentile(commits, 0.99),
    };
  };
}
