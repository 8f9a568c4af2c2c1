/**
 * One thing to measure. The parent reads what is said about it; `measure` runs in a child process
 * for every contender and repetition.
 */

import type { RequestTally, Unit } from "../../measurement.ts";
import type { Session } from "./child/session.ts";
import type { Contender, ContenderId } from "./contenders.ts";
import type { Job, Samples } from "./job.ts";

export interface Spot {
  readonly sizeMb: number;
  readonly latencyMs: number;
}

export interface ReplicaCase {
  /** For `--cases`; also the name of its file. */
  readonly name: string;
  readonly title: string;
  readonly contenders: readonly ContenderId[];
  readonly mode: "read" | "write";
  readonly hydrate: boolean;
  /** Somebody else writes to the replica, which is then no other run's. */
  readonly hasWriter?: boolean;
  /** Files of level 0 above the snapshot. Undefined: none. */
  readonly levelZeroFiles?: number;
  /** The database is so large, by pages of zeros that nothing leads to. Undefined: it has none. */
  readonly paddedToMb?: number;
  /** Of the page cache of Headwater. Undefined: as it comes. */
  readonly cacheBytes?: number;
  readonly repeat: number;
  /** Runs whose samples are thrown away: they fill the disk cache of the machine. */
  readonly warmUps: number;
  /**
   * "highest latency": what it measures makes no requests, so that one will do. A list: there, in
   * turn, whatever sizes and latencies the run is for.
   */
  readonly at: "each latency" | "highest latency" | readonly Spot[];
  /** It calls `prepared`; until then the store is as fast as it can be. */
  readonly prepares: boolean;
  /** Of each connection to the store. Undefined: as fast as it goes. */
  readonly uploadBytesPerSecond?: number;
  /** What it measures, in the order of the table. False: for the JSON file alone. */
  readonly measures: Readonly<Record<string, boolean>>;
  /** Of those that are not in milliseconds. */
  readonly units?: Readonly<Record<string, Unit>>;
  /** Why this contender is left out at this size, or once instead of repeated. */
  omit?(contender: Contender, sizeMb: number): string | undefined;
  once?(contender: Contender): boolean;
  measure(work: Work): Promise<Samples>;
}

/** What the child has to offer to `measure`. */
export interface Work {
  readonly job: Job;
  /** `performance.now()` when this program was loaded, and nothing else yet. */
  readonly startedAt: number;
  open(changes?: Partial<Pick<Job, "hydrate" | "indexCacheDir">>): Promise<Session>;
  /** Before it is opened again. At the end of the case it is closed anyway. */
  close(): Promise<void>;
  /** Ends the preparation. */
  prepared(): Promise<void>;
  /** Since the child began, or since it was prepared. */
  requests(): Promise<RequestTally>;
}
