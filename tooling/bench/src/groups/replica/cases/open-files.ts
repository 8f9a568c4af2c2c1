/**
 * From a fresh process to the first row, as in the case `open`, with level-0 files above the
 * snapshot: what a reader finds that comes before the next compaction.
 *
 * On the wire it is a small range request for each file, many at once, between the two of `open`:
 * what this many requests take on this machine, whoever makes them.
 */

import { randomBetween, seededRandom } from "../../../seeded-random.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";
import { open } from "./open.ts";

/** Of three pages and their index. */
const FILE_BYTES = 8192;
const PARALLEL = 96;
/** litestream-vfs takes one file after another: for a thousand, most of a minute. */
const LITESTREAM_FILES_MAX = 1000;

export const openFiles = openFilesCase("open-files", 1000);

export function openFilesCase(name: string, files: number): ReplicaCase {
  return {
    ...open,
    name,
    title: `Fresh process to first row, ${files.toLocaleString("en")} level-0 files`,
    contenders: ["headwater", "headwater-node", "litestream", "wire"],
    levelZeroFiles: files,
    repeat: 5,
    omit: ({ kind }) =>
      kind === "litestream" && files > LITESTREAM_FILES_MAX
        ? "it would take one file after another, for minutes"
        : undefined,
    once: ({ kind }) => kind === "litestream",
    measure: (work) =>
      work.job.contender.kind === "wire" ? measureWire(work, files) : open.measure(work),
  };
}

async function measureWire(work: Work, files: number): Promise<Samples> {
  const { Wire } = await import("../child/wire.ts");
  const { job, startedAt } = work;
  const random = seededRandom(job.seed);
  const wire = new Wire(job, PARALLEL);
  const single = () =>
    wire.range(randomBetween(random, 0, job.objectBytes - FILE_BYTES), FILE_BYTES);
  await single();
  await Promise.all(Array.from({ length: files }, single));
  await single();
  const firstRowMs = performance.now() - startedAt;
  wire.close();
  return { "first row": [firstRowMs] };
}
