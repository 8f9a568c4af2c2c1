/**
 * From opening to a complete local copy.
 *
 *   - hydration: in a fresh process, loading included.
 *   - once loaded: the same again in that process, when all programs are loaded and their threads
 *     started.
 *   - once open: of that, what is left when the database can be used, which is hydrating alone.
 *
 * On the wire it is the snapshot in parallel ranges, decoded, verified and written to a file; once
 * loaded, by the codec that Headwater has. It is told which object to read, so nothing is opened.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { PAGE_SIZE, SQL } from "../../../dataset/schema.ts";
import type { Sql } from "../child/session.ts";
import type { Job, Samples } from "../job.ts";
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
  measures: {
    hydration: true,
    "once loaded": true,
    "once open": true,
    "first row meanwhile": false,
  },
  measure: (work) => (work.job.contender.kind === "wire" ? measureWire(work) : measureSql(work)),
};

async function measureSql(work: Work): Promise<Samples> {
  const { job, startedAt } = work;
  const first = await work.open();
  readFirstRow(job, first.sql);
  const rowAt = performance.now();
  await first.hydrated();
  const fresh = {
    hydration: [performance.now() - startedAt],
    "first row meanwhile": [rowAt - startedAt],
  };
  // litestream-vfs loads nothing that would be left out.
  if (job.contender.kind === "litestream") return fresh;
  await work.close();
  const before = performance.now();
  const second = await work.open();
  const openedAt = performance.now();
  readFirstRow(job, second.sql);
  await second.hydrated();
  const endedAt = performance.now();
  return { ...fresh, "once loaded": [endedAt - before], "once open": [endedAt - openedAt] };
}

function readFirstRow({ orderCount }: Job, sql: Sql): void {
  if (sql.prepare(SQL.firstRow).get(orderCount) === undefined) throw new Error("no row");
}

async function measureWire({ job, startedAt }: Work): Promise<Samples> {
  await copyOverWire(job);
  const hydration = [performance.now() - startedAt];
  const { useNativeCodec } = await import("../child/use-native-codec.ts");
  useNativeCodec();
  const before = performance.now();
  await copyOverWire(job);
  const again = [performance.now() - before];
  return { hydration, "once loaded": again, "once open": again };
}

async function copyOverWire(job: Job): Promise<void> {
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
}
