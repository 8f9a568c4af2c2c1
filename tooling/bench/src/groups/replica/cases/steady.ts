/**
 * Page changes at a steady 10 MB/s: whether uploads keep up, which is whether the journal stays as
 * long as it is.
 *
 * The journal is a saw, up with each commit and down with each upload, so halves are compared by
 * their means. No page changes twice within two seconds, and none compresses, so that the bucket
 * gets every byte.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { mean } from "../../../statistics.ts";
import { BlobPages } from "../child/blob-pages.ts";
import type { Session } from "../child/session.ts";
import type { ReplicaCase } from "../replica-case.ts";

const TABLE_PAGES = 8000;
const SECONDS = 24;
const SECONDS_BRIEF = 2;
const TICK_MS = 100;
/** Of 4096 bytes: 10 MB/s. */
const PAGES_PER_TICK = 245;
const PACE_SHARE_MIN = 0.98;

export const steady: ReplicaCase = {
  name: "steady",
  title: `Page changes at 10 MB/s for ${SECONDS} s`,
  contenders: ["headwater"],
  mode: "write",
  hydrate: false,
  repeat: 2,
  warmUps: 0,
  at: [{ sizeMb: 20, latencyMs: 20 }],
  prepares: true,
  measures: {
    changed: true,
    "in the bucket": true,
    "journal, first half": true,
    "journal, second half": true,
    "journal, highest": true,
    commit: true,
    "flush after": true,
  },
  units: {
    changed: "MB/s",
    "in the bucket": "MB/s",
    "journal, first half": "MB",
    "journal, second half": "MB",
    "journal, highest": "MB",
  },
  async measure(work) {
    const session = await work.open();
    const pages = new BlobPages(session.sql, TABLE_PAGES);
    await session.flush?.();
    await work.prepared();
    const seconds = work.job.brief ? SECONDS_BRIEF : SECONDS;
    const { journalMb, commitMs, changedMb, elapsedMs } = await keepPace(session, pages, seconds);
    const before = performance.now();
    await session.flush?.();
    const flushMs = performance.now() - before;
    const half = journalMb.length / 2;
    return {
      changed: [(changedMb * 1000) / elapsedMs],
      "in the bucket": [(changedMb * 1000) / (elapsedMs + flushMs)],
      "journal, first half": [mean(journalMb.slice(0, half))],
      "journal, second half": [mean(journalMb.slice(half))],
      "journal, highest": [Math.max(...journalMb)],
      commit: commitMs,
      "flush after": [flushMs],
    };
  },
};

async function keepPace({ syncStatus }: Session, pages: BlobPages, seconds: number) {
  if (syncStatus === undefined) throw new TypeError("nothing tells how long the journal is");
  const journalMb: number[] = [];
  const commitMs: number[] = [];
  let changedMb = 0;
  const began = performance.now();
  for (let tick = 1; tick <= (seconds * 1000) / TICK_MS; tick += 1) {
    const before = performance.now();
    changedMb += pages.change(PAGES_PER_TICK) / 1e6;
    commitMs.push(performance.now() - before);
    journalMb.push((await syncStatus()).journalBytes / 1e6);
    await sleep(Math.max(0, began + tick * TICK_MS - performance.now()));
  }
  const elapsedMs = performance.now() - began;
  const isShort = seconds < SECONDS;
  if (!isShort && elapsedMs * PACE_SHARE_MIN > seconds * 1000) {
    throw new Error(`the writer itself could not keep the pace: ${elapsedMs.toFixed(0)} ms`);
  }
  return { journalMb, commitMs, changedMb, elapsedMs };
}
