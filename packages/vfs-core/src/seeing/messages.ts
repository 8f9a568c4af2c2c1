/**
 * What is told on each channel: plain data, which may cross threads.
 *
 * A message tells of something that is over. `requests` and `bytes` are what it has asked of the
 * store, attempts that failed included; bytes are those of bodies, both ways.
 */

import type { ErrorSummary } from "../status.ts";
import type { Purpose } from "./purpose.ts";

interface Told {
  /** The name of the mount. */
  readonly mount: string;
  /** Why it failed; undefined if it did not. */
  readonly error?: ErrorSummary | undefined;
}

interface Measured extends Told {
  readonly durationMs: number;
  readonly requests: number;
  readonly bytes: number;
}

/** A mount was opened, or could not be. */
export interface OpenMessage extends Measured {
  readonly mode: "read" | "write";
  /** Without secrets. */
  readonly url: string;
  /** What it shows first. Undefined if it failed. */
  readonly txid: bigint | undefined;
  readonly pageCount: number | undefined;
}

/** Pages were asked for, in one range of one object or in all of it. */
export interface FetchMessage extends Measured {
  readonly purpose: Purpose;
  readonly key: string;
  /** That were wanted of it. Undefined where all are, as in hydration of large files. */
  readonly pages: number | undefined;
  /** It was the second of two for the same, since the first one took long. */
  readonly hedged: boolean;
}

/** A reader has looked for what others have written. */
export interface PollMessage extends Measured {
  /** What readers saw before, and see now. */
  readonly beforeTxid: bigint;
  readonly txid: bigint;
}

/** An upload is acknowledged, or a try has failed. */
export interface SyncMessage extends Measured {
  /** What the bucket stands at. Undefined if it failed. */
  readonly txid: bigint | undefined;
  /** Everything up to this commit is there. Undefined if it failed. */
  readonly seq: number | undefined;
}

/** The lease was asked for, renewed, looked at, given back, or lost. */
export interface LeaseMessage extends Measured {
  readonly action: "acquire" | "renew" | "check" | "release" | "lost";
  /** Undefined if it was not acquired. */
  readonly generation: bigint | undefined;
}

/** The local image is further, complete, or cannot be completed. Measured from its beginning. */
export interface HydrateMessage extends Measured {
  readonly state: "progress" | "complete" | "failed";
  readonly pagesPresent: number;
  readonly pageCount: number;
}

/** Somebody else has written, so this mount does not. */
export interface ConflictMessage extends Told {
  /** "fenced": while it wrote; "open": opening it to write found that. */
  readonly when: "fenced" | "open";
  readonly reason: string;
}

/** By channel. */
export interface SeenMessages {
  readonly open: OpenMessage;
  readonly fetch: FetchMessage;
  readonly poll: PollMessage;
  readonly sync: SyncMessage;
  readonly lease: LeaseMessage;
  readonly hydrate: HydrateMessage;
  readonly conflict: ConflictMessage;
}

export type SeenChannel = keyof SeenMessages;

export const SEEN_CHANNELS = [
  "open",
  "fetch",
  "poll",
  "sync",
  "lease",
  "hydrate",
  "conflict",
] as const satisfies readonly SeenChannel[];

export type Seen = {
  readonly [Channel in SeenChannel]: {
    readonly channel: Channel;
    readonly message: SeenMessages[Channel];
  };
}[SeenChannel];

/** Whoever looks at a mount. Does no work of its own, and never throws. */
export interface Observer {
  /** Asked before each message is made. */
  wants(channel: SeenChannel): boolean;
  tell(seen: Seen): void;
}
