/**
 * A mount: one replica, opened to read or to write, served to SQLite through a page device.
 */

import type { DeviceFactory } from "./device-factory.ts";
import { type MountOptions, settleReadOptions, settleWriteOptions } from "./options.ts";
import { openReadMount } from "./read/read-mount.ts";
import type { Moment } from "./restore-plan.ts";
import { seeOpening } from "./seeing/see-opening.ts";
import type { MountStatus } from "./status.ts";
import type { Past } from "./travel/past.ts";
import { openWriteMount } from "./write/write-mount.ts";

export interface WaitOptions {
  /** Ends the wait, and nothing else: the call rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface PromoteOptions extends WaitOptions {
  /** How long to wait for a lease that another holds. Default: as the mount's `lease` says. */
  readonly waitMs?: number | undefined;
}

export type DemoteOptions = WaitOptions;

export interface Mount extends AsyncDisposable {
  readonly name: string;
  /** What it is now: `promote` and `demote` change it. */
  readonly mode: "read" | "write";
  status(): MountStatus;
  /** What `status().usage` is made of, for other threads; see `readUsage`. */
  readonly counters: SharedArrayBuffer;
  /**
   * Write mode: resolves with the transaction that the bucket stands at, once everything committed
   * before the call is in it and the lease was still held. Read mode: resolves once readers that
   * start from now on see everything that was in the bucket at the call.
   */
  flush(options?: WaitOptions): Promise<bigint>;
  /** Resolves when readers that start from now on see this transaction of the replica. */
  waitForTxid(txid: bigint, options?: WaitOptions): Promise<void>;
  /** Resolves when the local image is complete. Rejects when hydration is off or has failed. */
  hydrated(options?: WaitOptions): Promise<void>;
  /**
   * Makes a writer of a reader; a writer stays what it is. Connections stay open and may write when
   * this resolves. When it rejects, or its signal aborts, the mount is the reader that it was.
   */
  promote(options?: PromoteOptions): Promise<void>;
  /**
   * Makes a reader of a writer, once everything is in the bucket; a reader stays what it is. No
   * write transaction begins meanwhile, and one that is open may end, within `requestTimeoutMs`.
   * When this rejects, or its signal aborts, the mount is the writer that it was.
   */
  demote(options?: DemoteOptions): Promise<void>;
  /**
   * Gives the page cache so many bytes, or as many as it can have, while it is read from. Resolves
   * when a smaller one has given back its memory, with the bytes that it may take: zero before
   * there is a database. The pages that were used stay, as many as there is room for.
   */
  resizeCache(cacheBytes: number): Promise<number>;
  /**
   * Opens the database as of an earlier moment, as the bucket has it, beside the present one. What
   * this mount has committed and not uploaded is in no past. Rejects with MOMENT_NOT_FOUND when no
   * files lead there.
   */
  at(moment: Moment, options?: WaitOptions): Promise<Past>;
  /** Uploads what is pending, gives the lease back, ends the device. May be called again. */
  close(): Promise<void>;
}

/**
 * Opens a replica. The factory makes the device once it is known what it has to show.
 *
 * Rejects with a HeadwaterError, or with the reason of `options.signal`.
 */
export async function openMount(options: MountOptions, factory: DeviceFactory): Promise<Mount> {
  switch (options.mode) {
    case "read": {
      const settings = settleReadOptions(options);
      return seeOpening(settings, () => openReadMount(settings, factory));
    }
    case "write": {
      const settings = settleWriteOptions(options);
      return seeOpening(settings, () => openWriteMount(settings, factory));
    }
  }
}
