/**
 * What one child process is to do, and what it says to its parent. Plain data.
 */

import type { RequestTally } from "../../measurement.ts";
import type { Contender } from "./contenders.ts";

export interface Job {
  readonly caseName: string;
  readonly contender: Contender;
  readonly mode: "read" | "write";
  readonly hydrate: boolean;
  /** Undefined: no indexes are kept on disk. */
  readonly indexCacheDir?: string | undefined;
  /** Undefined: as it comes. */
  readonly cacheBytes: number | undefined;
  /** As little as shows that the case works. */
  readonly brief: boolean;
  /** Through the proxy. Of Headwater and litestream-vfs. */
  readonly replicaUrl: string;
  /** Of a plain file. */
  readonly file: string;
  /** Of bare requests: the snapshot, signed. */
  readonly objectUrl: string;
  readonly objectBytes: number;
  /** Of bare requests: an object of their own, signed. */
  readonly putUrl: string;
  /** Empty, and the child's own. */
  readonly folder: string;
  /** Other rows are read in every repetition, the same ones by every contender. */
  readonly seed: number;
  readonly customerCount: number;
  readonly orderCount: number;
  readonly scanSum: number;
  readonly scanTableSum: number;
  readonly databaseBytes: number;
  /** When the parent asked for this process, in milliseconds since the Unix epoch. */
  readonly spawnedAtMs: number;
}

/** Samples by measure, in its unit. */
export type Samples = Readonly<Record<string, readonly number[]>>;

export type ToParent =
  /** Waits for "go" until the latency is on and the counts are at zero. */
  | { readonly type: "prepared" }
  /** Waits for "go", which then says what requests there were. */
  | { readonly type: "count" }
  /** Waits for "go" until the counts have been read. */
  | { readonly type: "measured"; readonly samples: Samples }
  | { readonly type: "failed"; readonly message: string };

export interface ToChild {
  readonly type: "go";
  /** Since the counts were at zero. */
  readonly requests: RequestTally;
}
