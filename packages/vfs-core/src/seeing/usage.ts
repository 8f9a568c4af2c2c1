/**
 * What a mount has asked of its store: since it was opened, or between two moments.
 */

import { OPERATIONS, type Operation } from "@headwater/object-store";
import { PURPOSES, type Purpose } from "./purpose.ts";

export interface UsageTotals {
  /** Requests that the store may have got, whatever came of them: each attempt is one. */
  readonly requests: number;
  /** Of these, the ones without an answer, or with one that says that the store could not. */
  readonly failed: number;
  /** How often a call sent a request again, after a failure or because somebody was in its way. */
  readonly retried: number;
  /** Bytes of bodies, without headers. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** `requests` by what they did, as stores bill them. What there was none of is left out. */
  readonly byKind: Readonly<Partial<Record<Operation, number>>>;
}

export interface Usage extends UsageTotals {
  /** What there was nothing for is left out. */
  readonly byPurpose: Readonly<Partial<Record<Purpose, UsageTotals>>>;
}

/** What is counted of each purpose and kind, in the order in which the numbers lie. */
export const COUNTED = ["requests", "failed", "retried", "bytesSent", "bytesReceived"] as const;

export type Counted = (typeof COUNTED)[number];

export const COUNTER_COUNT = PURPOSES.length * OPERATIONS.length * COUNTED.length;

export function counterIndex(purpose: Purpose, kind: Operation, counted: Counted): number {
  const row = PURPOSES.indexOf(purpose) * OPERATIONS.length + OPERATIONS.indexOf(kind);
  return row * COUNTED.length + COUNTED.indexOf(counted);
}

/** Of the counters, or of what they have grown by. */
export function toUsage(counters: Readonly<Float64Array>): Usage {
  const all = newTotals();
  const byPurpose: Partial<Record<Purpose, UsageTotals>> = {};
  let at = 0;
  for (const purpose of PURPOSES) {
    const totals = newTotals();
    let isSomething = false;
    for (const kind of OPERATIONS) {
      const row = counters.subarray(at, at + COUNTED.length);
      at += COUNTED.length;
      if (!row.some((count) => count > 0)) continue;
      isSomething = true;
      addRow(totals, kind, row);
      addRow(all, kind, row);
    }
    if (isSomething) byPurpose[purpose] = totals;
  }
  return { ...all, byPurpose };
}

type Totals = Record<Counted, number> & { readonly byKind: Partial<Record<Operation, number>> };

function newTotals(): Totals {
  return { requests: 0, failed: 0, retried: 0, bytesSent: 0, bytesReceived: 0, byKind: {} };
}

function addRow(totals: Totals, kind: Operation, row: Readonly<Float64Array>): void {
  for (let index = 0; index < COUNTED.length; index += 1) totals[COUNTED[index]!] += row[index]!;
  const requests = row[COUNTED.indexOf("requests")]!;
  if (requests > 0) totals.byKind[kind] = (totals.byKind[kind] ?? 0) + requests;
}
