/**
 * Who is measured, and through which driver: a driver costs about as much as a warm read, so only
 * rows of one driver compare like with like.
 */

export type Driver = "better-sqlite3" | "node:sqlite" | "node:http";

export interface Contender {
  /** For `--only`. */
  readonly id: string;
  readonly name: string;
  readonly driver: Driver;
  readonly kind: "headwater" | "litestream" | "plain" | "wire";
  /** Of a plain file: in WAL mode. */
  readonly wal: boolean;
}

export const CONTENDERS = [
  define("headwater", "Headwater", "better-sqlite3", "headwater"),
  define("headwater-node", "Headwater", "node:sqlite", "headwater"),
  define("litestream", "litestream-vfs", "node:sqlite", "litestream"),
  define("plain", "plain file", "better-sqlite3", "plain"),
  define("plain-wal", "plain file, WAL", "better-sqlite3", "plain", true),
  define("plain-node", "plain file", "node:sqlite", "plain"),
  define("plain-wal-node", "plain file, WAL", "node:sqlite", "plain", true),
  define("wire", "bare requests", "node:http", "wire"),
] as const satisfies readonly Contender[];

export type ContenderId = (typeof CONTENDERS)[number]["id"];

function define<Id extends string>(
  id: Id,
  name: string,
  driver: Driver,
  kind: Contender["kind"],
  wal = false,
) {
  return { id, name, driver, kind, wal };
}

/** In the order of the list above, whatever the order asked for. */
export function contendersOf(ids: readonly ContenderId[]): readonly Contender[] {
  return CONTENDERS.filter(({ id }) => ids.includes(id));
}
