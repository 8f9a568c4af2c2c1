/**
 * Totals of the calls that a traced store told about.
 *
 *     const counts = new RequestCounts();
 *     const store = traced(inner, { onRequest: counts.add });
 */

import type { Operation } from "../object-store.ts";
import { OPERATIONS } from "../operations.ts";
import type { RequestTrace } from "./traced.ts";

export interface OperationCounts {
  readonly calls: number;
  readonly requests: number;
  readonly failures: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly durationMs: number;
}

const NOTHING: OperationCounts = {
  calls: 0,
  requests: 0,
  failures: 0,
  bytesRead: 0,
  bytesWritten: 0,
  durationMs: 0,
};

export class RequestCounts {
  #byOperation = new Map<Operation, OperationCounts>();

  /** Bound, so that it can be given as `onRequest`. */
  readonly add = (trace: RequestTrace): void => {
    this.#byOperation.set(trace.operation, sum(this.of(trace.operation), toCounts(trace)));
  };

  of(operation: Operation): OperationCounts {
    return this.#byOperation.get(operation) ?? NOTHING;
  }

  total(): OperationCounts {
    return OPERATIONS.map((operation) => this.of(operation)).reduce(sum, NOTHING);
  }

  /** Plain data, for logs and reports: only the operations that were used. */
  toJSON(): Readonly<Partial<Record<Operation, OperationCounts>>> {
    return Object.fromEntries(this.#byOperation);
  }

  reset(): void {
    this.#byOperation = new Map();
  }
}

function toCounts(trace: RequestTrace): OperationCounts {
  const { requests, bytesRead, bytesWritten, durationMs } = trace;
  const failures = trace.outcome === "ok" ? 0 : 1;
  return { calls: 1, requests, failures, bytesRead, bytesWritten, durationMs };
}

function sum(a: OperationCounts, b: OperationCounts): OperationCounts {
  return {
    calls: a.calls + b.calls,
    requests: a.requests + b.requests,
    failures: a.failures + b.failures,
    bytesRead: a.bytesRead + b.bytesRead,
    bytesWritten: a.bytesWritten + b.bytesWritten,
    durationMs: a.durationMs + b.durationMs,
  };
}
