/**
 * A reader of a database that nobody writes to and nobody reads: what following it costs, at the
 * freshness of a second that is the default.
 *
 * Counted by the proxy over a minute, which begins when opening and warming up are long over.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { SQL } from "../../../dataset/schema.ts";
import type { ReplicaCase } from "../replica-case.ts";

const SECONDS = 60;
const SECONDS_BRIEF = 2;
const SETTLE_SECONDS = 5;

export const idle: ReplicaCase = {
  name: "idle",
  title: `An idle reader for ${SECONDS} s`,
  contenders: ["headwater", "litestream"],
  mode: "read",
  hydrate: false,
  repeat: 1,
  warmUps: 0,
  at: [{ sizeMb: 20, latencyMs: 20 }],
  prepares: true,
  measures: {
    "requests a second": true,
    "lists a minute": true,
    "received by request": true,
    "processor time a second": true,
  },
  units: {
    "requests a second": "requests",
    "lists a minute": "requests",
    "received by request": "bytes",
  },
  async measure(work) {
    const { job } = work;
    const { sql } = await work.open();
    const seconds = job.brief ? SECONDS_BRIEF : SECONDS;
    if (sql.prepare(SQL.byKey).get(1) === undefined) throw new Error("there is no order");
    await sleep((job.brief ? 0 : SETTLE_SECONDS) * 1000);
    await work.prepared();
    const processorBefore = process.cpuUsage();
    await sleep(seconds * 1000);
    const { user, system } = process.cpuUsage(processorBefore);
    const { total, byKind, bytesToClient } = await work.requests();
    return {
      "requests a second": [total / seconds],
      "lists a minute": [((byKind.list ?? 0) * 60) / seconds],
      "received by request": total === 0 ? [] : [bytesToClient / total],
      "processor time a second": [(user + system) / 1000 / seconds],
    };
  },
};
