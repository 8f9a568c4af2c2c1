/**
 * What the requests of a mount are for. Each one has exactly one purpose.
 */

import type { Priority } from "../read/request-queue.ts";

export const PURPOSES = [
  /** Finding the replica, its files and where their pages lie; what a writer checks first. */
  "open",
  /** Somebody waits for the page, or for where it has gone to. */
  "miss",
  "readAhead",
  "warmUp",
  /** Following what others write. */
  "poll",
  /** Uploading commits, fences included. */
  "sync",
  "lease",
  /** Snapshots and retention, too. */
  "compaction",
  "hydration",
  /** Everything that a past asks for. */
  "travel",
] as const;

export type Purpose = (typeof PURPOSES)[number];

/** Of pages that are fetched, by how urgent they are. */
export const PURPOSE_OF: Readonly<Record<Priority, Purpose>> = {
  foreground: "miss",
  open: "open",
  prefetch: "readAhead",
  warmUp: "warmUp",
  hydrate: "hydration",
  compact: "compaction",
};
