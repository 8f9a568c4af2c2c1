/**
 * An open database, whoever serves it.
 *
 * The connection is the driver's own object, not a wrapper: both drivers have these methods, and a
 * layer here would be measured too.
 */

export type SqlValue = string | number | bigint | null;

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
  /** Resolves when the local copy is complete. */
  hydrated(): Promise<void>;
  /** Resolves when everything committed is in the bucket. Undefined: there is no way to wait. */
  readonly flush: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}
