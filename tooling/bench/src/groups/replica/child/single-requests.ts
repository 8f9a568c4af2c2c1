/**
 * One range request after another on a kept connection, a page each: how long the store takes.
 */

import { randomBetween, seededRandom } from "../../../seeded-random.ts";
import type { Job } from "../job.ts";
import { Wire } from "./wire.ts";

const PAGE_RANGE_BYTES = 4096;

/** Milliseconds of each. */
export async function singleRequests(job: Job, count: number): Promise<number[]> {
  const wire = new Wire(job);
  const random = seededRandom(job.seed);
  const request = () =>
    wire.range(randomBetween(random, 0, job.objectBytes - PAGE_RANGE_BYTES), PAGE_RANGE_BYTES);
  await request();
  const samples: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const before = performance.now();
    await request();
    samples.push(performance.now() - before);
  }
  wire.close();
  return samples;
}
