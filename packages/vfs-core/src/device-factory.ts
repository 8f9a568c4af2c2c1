/**
 * How the engine gets its page device: made once the state of the replica is known.
 */

import type { FileLocks } from "./file-locks.ts";
import type { Durability } from "./options.ts";
import type { DeviceEvents, PageDevice, PublishedState } from "./page-device.ts";

export interface DeviceOptions {
  /** What SQLite opens: `file:NAME?vfs=headwater`. Not to be found before `activate()`. */
  readonly name: string;
  readonly mode: "read" | "write";
  /** Zero for a new database, until its first commit or a recovered segment fixes it. */
  readonly pageSize: number;
  /**
   * Where the device starts. In write mode an earlier run of this journal had uploaded everything
   * up to here: commits that `journal.recover` finds after it become the state, others change
   * nothing.
   */
  readonly seq: number;
  readonly state: PublishedState;
  readonly requestTimeoutMs: number;
  /** One moment for good: nothing is ever published, and no connection to it can go elsewhere. */
  readonly isPast?: boolean | undefined;
  /** When it writes: bytes of commits that the bucket has not, before COMMIT waits for room. */
  readonly journalBytesMax?: number | undefined;
  /** When it writes: what COMMIT waits for on connections that have not chosen. */
  readonly durability?: Durability | undefined;
}

/** The locks are for what a mount keeps on disk: its journal folder and its local image. */
export interface DeviceFactory extends FileLocks {
  create(options: DeviceOptions, events: DeviceEvents): PageDevice;
}
