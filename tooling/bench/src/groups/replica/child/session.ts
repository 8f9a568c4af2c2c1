/**
 * An open database, whoever serves it.
 *
 * The connection is the driver's own object, not a wrapper: both drivers have these methods, and a
 * layer here would be measured too.
 */

import type { MountStatus, SyncStatus } from "@headwater/vfs-core";

export type SqlValue = string | number | bigint | Uint8Array | null;

export interface Statement {
  get(...values: SqlValue[]): unknown;
  all(...values: SqlValue[]): unknown[];
  run(...values: SqlValue[]): unknown;
}

export interface Sql {
  prepare(sql: string): Statement;
  exec(sql: string): unknown;
  close(): unknown;
}

export interface Session {
  readonly sql: Sql;
  /** What another thread of this process opens to get to the same database. */
  readonly filename: string;
  /** Resolves when the local copy is complete. */
  hydrated(): Promise<void>;
  /** Resolves when everything committed is in the bucket. Undefined: there is no way to wait. */
  readonly flush: (() => Promise<void>) | undefined;
  /** How far the uploads are. Undefined: nothing tells. */
  readonly syncStatus: (() => Promise<SyncStatus>) | undefined;
  /** Undefined: there is no mount. */
  readonly status: (() => Promise<MountStatus>) | undefined;
  close(): Promise<void>;
}
