/**
 * What the three processes and the one that started them say to each other. Plain data.
 */

export interface RoleJob {
  readonly url: string;
  /** For local files. */
  readonly folder: string;
}

/** One thing that a role did, how long it took, and how many requests it made for it. */
export interface StepReport {
  readonly step: string;
  readonly ms: number;
  readonly requests: number;
  /** Rows, transactions or pages: what the step is about. */
  readonly count: number;
  /** Of the rows seen, to be compared. Empty where none were. */
  readonly digest: string;
}

export type FromRole =
  | { readonly type: "step"; readonly report: StepReport }
  | { readonly type: "failed"; readonly sentence: string };

/** A role does the next thing, or ends. */
export type ToRole = "continue";
