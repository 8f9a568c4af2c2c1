/**
 * What a row is compared with: the plain file and litestream-vfs of its own driver where there is
 * one, and the wire.
 */

import type { Measurement } from "../../measurement.ts";
import type { Reference } from "../group.ts";

export const REPLICA_REFERENCES: readonly Reference[] = [
  { heading: "/ plain", find: (row, alike) => fastest(plainRows(row, alike)) },
  { heading: "/ litestream", find: (_, alike) => named(alike, "litestream-vfs") },
  { heading: "/ wire", find: (_, alike) => named(alike, "bare requests") },
];

/** Like with like: a plain file through the same driver. */
function plainRows(row: Measurement, alike: readonly Measurement[]): Measurement[] {
  return alike.filter(
    ({ contender, driver }) => contender.startsWith("plain file") && driver === row.driver,
  );
}

/** A plain file is the bar in its better mode. */
function fastest(rows: readonly Measurement[]): Measurement | undefined {
  return [...rows].sort((a, b) => a.summary.median - b.summary.median)[0];
}

function named(rows: readonly Measurement[], contender: string): Measurement | undefined {
  return rows.find((row) => row.contender === contender);
}
