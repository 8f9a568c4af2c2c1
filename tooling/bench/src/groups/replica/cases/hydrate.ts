/**
 * From opening to a complete local copy. Loading is not part of it.
 *
 * On the wire it is the snapshot in parallel ranges, decoded, verified and written to a file.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { PAGE_SIZE, SQL } from "../../../dataset/schema.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

const PAGES_PER_WRITE = 256;

export const hydrate: ReplicaCase = {
  name: "hydrate",
  title: "Hydration to completion",
  contenders: ["headwater", "litestream", "wire"],
  mode: "read",
  hydrate: true,
  repeat: 3,
  warmUps: 1,
  at: "each latency",
  prepares: false,
  measures: { hydration: true, "first row meanwhile": false },
  measure: (work) => (work.job.contender.kind === "wire" ? measureWire(work) : measureSql(work)),
};

async function measureSql(work: Work): Promise<Samples> {
  const session = await work.open();
  const rowAt = firstRow(work, session.sql);
  await session.hydrated();
  const { startedAt } = work;
  return { hydration: [performance.now() - startedAt], "first row meanwhile": [rowAt - startedAt] };
}

function firstRow({ job }: Work, sql: Awaited<ReturnType<Work["open"]>>["sql"]): number {
  if (sql.prepare(SQL.firstRow).get(job.orderCount) === undefined) throw new Error("no row");
  return performance.now();
}

async function measureWire({ job, startedAt }: Work): Promise<Samples> {
  const { readOverWire } = await import("../child/read-over-wire.ts");
  const file = openSync(join(job.folder, "image.db"), "w");
  const buffer = Buffer.alloc(PAGES_PER_WRITE * PAGE_SIZE);
  let written = 0;
  let filled = 0;
  const flush = () => {
    writeSync(file, buffer, 0, filled, written);
    written += filled;
    filled = 0;
  };
  // A snapshot has every page, in order.
  await readOverWire(job, (_, page) => {
    buffer.set(page, filled);
    filled += page.length;
    if (filled === buffer.length) flush();
  });
  flush();
  closeSync(file);
  if (written !== job.databaseBytes) throw new Error(`the copy has ${written} bytes`);
  return { hydration: [performance.now() - startedAt] };
}
