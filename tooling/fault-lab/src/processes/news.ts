/**
 * What a child tells, one line of JSON each, written before anything else happens.
 */

import type { Audit } from "./bank-database.ts";

/** It cannot go on, and ends. */
export interface Failure {
  readonly type: "failed";
  readonly code: string;
  readonly message: string;
}

export type News =
  /** It has opened the database, or looked at it again. */
  | { readonly type: "opened" | "looked"; readonly audit: Audit }
  /** A flush was answered: the first so many transfers of this child are in the bucket. */
  | { readonly type: "durable"; readonly count: number };

/** Everything a child needs to know, in one environment variable. */
export interface Task {
  /** Of this process, and of its transfers. */
  readonly name: string;
  readonly url: string;
  readonly storeOptions?: Readonly<Record<string, string>> | undefined;
  /** Of a writer. */
  readonly journalDir?: string | undefined;
}

export const TASK_VARIABLE = "FAULT_LAB_TASK";

/** From now on the process ends when its parent does. */
export function readTask<Of extends Task = Task>(): Of {
  process.stdin.once("end", () => process.exit(0)).resume();
  return JSON.parse(process.env[TASK_VARIABLE] ?? "") as Of;
}

/** A pipe is written to at once: the line is out when this returns. */
export function tell<Told extends { readonly type: string } = News>(news: Told): void {
  process.stdout.write(`${JSON.stringify(news)}\n`);
}

/** Tells of a failure and ends the process. */
export function fail(error: unknown): never {
  const code = (error as { readonly code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  tell<Failure>({ type: "failed", code: typeof code === "string" ? code : "none", message });
  process.exit(1);
}
