/**
 * The demo's table, and what two processes compare to know that they see the same rows.
 */

import { createHash } from "node:crypto";
import type { OpenedDatabase } from "@headwater/node-binding";

export const ROWS = 1000;
export const TRANSACTIONS = 10;
export const LATER_TRANSACTIONS = 5;

type Database = OpenedDatabase["database"];

export const CREATE_NOTES =
  "create table notes(id integer primary key, body text not null, written_at real not null)";

export const INSERT_NOTE = "insert into notes(body, written_at) values (?, ?)";

/** Finer than a millisecond, and the same in all processes of one machine. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

export interface NotesSeen {
  readonly count: number;
  readonly digest: string;
}

export function readNotes(database: Database): NotesSeen {
  const hash = createHash("sha256");
  let count = 0;
  for (const row of database.prepare("select * from notes order by id").raw().iterate()) {
    hash.update(JSON.stringify(row));
    count += 1;
  }
  return { count, digest: hash.digest("hex") };
}
