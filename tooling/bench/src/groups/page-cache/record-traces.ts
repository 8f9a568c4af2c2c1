/**
 * Real traces: what SQLite asks for below its own page cache, for each workload.
 */

import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Dataset } from "../../dataset/dataset.ts";
import type { TraceVfs } from "./trace-vfs.ts";
import type { Workload } from "./workloads.ts";

export interface Trace {
  /** In order. */
  readonly pgnos: Uint32Array;
  /** By look-up: zero where it was made aside. */
  readonly isCounted: Uint8Array;
  readonly statementCount: number;
  readonly pageCount: number;
  /** Page 1, and the pages that lead to others. */
  readonly interior: ReadonlySet<number>;
}

export interface TraceOptions {
  readonly vfs: TraceVfs;
  readonly folder: string;
  readonly dataset: Dataset;
  /** Pages that SQLite keeps itself. */
  readonly cachePages: number;
}

export function recordTrace(
  workload: Workload,
  { vfs, folder, dataset, cachePages }: TraceOptions,
): Trace {
  const file = join(folder, "traced.db");
  copyFileSync(dataset.file, file);
  const other = new DatabaseSync(file);
  other.exec("pragma synchronous = off");
  const facts = factsOf(other);
  const change = other.prepare("insert into events(at, kind, payload) values (0, 'k', 'p')");
  const database = vfs.open(file);
  try {
    database.exec(`pragma cache_size = ${cachePages}`);
    vfs.take();
    const parts: Part[] = [];
    const take = (isCounted: boolean) => parts.push({ pgnos: vfs.take(), isCounted });
    const statementCount = workload.run({
      database,
      dataset,
      changeElsewhere: () => change.run(),
      aside(work) {
        take(true);
        work();
        take(false);
      },
    });
    take(true);
    return { ...joined(parts), statementCount, ...facts };
  } finally {
    database.close();
    other.close();
    rmSync(file);
  }
}

interface Part {
  readonly pgnos: Uint32Array;
  readonly isCounted: boolean;
}

function joined(parts: readonly Part[]): Pick<Trace, "pgnos" | "isCounted"> {
  const length = parts.reduce((sum, { pgnos }) => sum + pgnos.length, 0);
  const pgnos = new Uint32Array(length);
  const isCounted = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    pgnos.set(part.pgnos, at);
    isCounted.fill(part.isCounted ? 1 : 0, at, at + part.pgnos.length);
    at += part.pgnos.length;
  }
  return { pgnos, isCounted };
}

function factsOf(database: DatabaseSync): Pick<Trace, "pageCount" | "interior"> {
  const { count } = database.prepare("select count(*) as count from dbstat").get() as {
    count: number;
  };
  const rows = database.prepare("select pageno from dbstat where pagetype = 'internal'").all();
  return { pageCount: count, interior: new Set([1, ...rows.map((row) => Number(row.pageno))]) };
}
