/**
 * Commits that wait for the bucket, and how those who wait together share an upload.
 *
 *   - commit: durability=remote, one after another. On the wire: one put and then one get, as bare
 *     requests on a kept connection, which is what an upload and a look at the lease take.
 *   - flushes: a hundred calls at once after one local commit.
 *   - threads: eight threads, each of which commits locally and then waits for the bucket. By
 *     commit: all the time, divided by all the commits.
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { SQL } from "../../../dataset/schema.ts";
import type { DurableCommitsWork } from "../child/durable-commits-thread.ts";
import { EVENT, expectRows } from "../child/measure-commits.ts";
import type { Session } from "../child/session.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

const COMMITS = 50;
const FLUSHES = 100;
const THREADS = 8;
const COMMITS_PER_THREAD = 25;
/** Of a bare put: about what the file of a one-row commit has. */
const PUT_BYTES = 1024;
const GET_BYTES = 1024;

export const remote: ReplicaCase = {
  name: "remote",
  title: "Commits that wait for the bucket",
  contenders: ["headwater", "wire"],
  mode: "write",
  hydrate: false,
  repeat: 3,
  warmUps: 0,
  at: [{ sizeMb: 20, latencyMs: 20 }],
  prepares: true,
  measures: {
    commit: true,
    "put alone": true,
    "requests of a commit": true,
    [`${FLUSHES} flushes at once`]: true,
    [`requests of ${FLUSHES} flushes`]: true,
    [`${THREADS} threads, by commit`]: true,
    [`${THREADS} threads, requests by commit`]: true,
  },
  units: {
    "requests of a commit": "requests",
    [`requests of ${FLUSHES} flushes`]: "requests",
    [`${THREADS} threads, requests by commit`]: "requests",
  },
  measure: (work) => (work.job.contender.kind === "wire" ? measureWire(work) : measureSql(work)),
};

async function measureSql(work: Work): Promise<Samples> {
  const session = await work.open();
  const { sql, flush } = session;
  if (flush === undefined) throw new TypeError("nothing to wait for");
  const insert = sql.prepare(SQL.insert);
  // The first of all brings in the pages that the others change.
  insert.run(0, ...EVENT);
  await flush();
  await work.prepared();
  sql.exec("pragma headwater_durability = remote");
  const commit: number[] = [];
  const countedAt = (await work.requests()).total;
  for (let at = 0; at < COMMITS; at += 1) {
    const before = performance.now();
    insert.run(at, ...EVENT);
    commit.push(performance.now() - before);
  }
  const requestCount = (await work.requests()).total - countedAt;
  sql.exec("pragma headwater_durability = eventual");
  return {
    commit,
    "requests of a commit": [requestCount / COMMITS],
    ...(await measureFlushes(work, session)),
    ...(await measureThreads(work, session)),
  };
}

async function measureFlushes(work: Work, { sql, flush }: Session): Promise<Samples> {
  sql.prepare(SQL.insert).run(0, ...EVENT);
  const countedAt = (await work.requests()).total;
  const before = performance.now();
  await Promise.all(Array.from({ length: FLUSHES }, () => flush?.()));
  const elapsedMs = performance.now() - before;
  return {
    [`${FLUSHES} flushes at once`]: [elapsedMs],
    [`requests of ${FLUSHES} flushes`]: [(await work.requests()).total - countedAt],
  };
}

async function measureThreads(work: Work, { sql, filename }: Session): Promise<Samples> {
  const script = new URL("../child/durable-commits-thread.ts", import.meta.url);
  const workerData: DurableCommitsWork = { filename, count: COMMITS_PER_THREAD };
  const threads = Array.from({ length: THREADS }, () => new Worker(script, { workerData }));
  await Promise.all(threads.map((thread) => once(thread, "message")));
  const countedAt = (await work.requests()).total;
  const before = performance.now();
  const done = Promise.all(threads.map((thread) => once(thread, "message")));
  for (const thread of threads) thread.postMessage("go");
  await done;
  const elapsedMs = performance.now() - before;
  const requestCount = (await work.requests()).total - countedAt;
  const commitCount = THREADS * COMMITS_PER_THREAD;
  expectRows(sql, 1 + COMMITS + 1 + commitCount);
  return {
    [`${THREADS} threads, by commit`]: [elapsedMs / commitCount],
    [`${THREADS} threads, requests by commit`]: [requestCount / commitCount],
  };
}

async function measureWire(work: Work): Promise<Samples> {
  const { Wire } = await import("../child/wire.ts");
  const wire = new Wire(work.job);
  const body = new Uint8Array(PUT_BYTES).fill(7);
  await wire.put(body);
  await work.prepared();
  const commit: number[] = [];
  const put: number[] = [];
  for (let at = 0; at < COMMITS; at += 1) {
    const before = performance.now();
    await wire.put(body);
    put.push(performance.now() - before);
    await wire.range(0, GET_BYTES);
    commit.push(performance.now() - before);
  }
  wire.close();
  return { commit, "put alone": put };
}
