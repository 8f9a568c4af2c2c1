/**
 * A write-mode mount with no engine behind it: the test's own thread stands in for the engine, and
 * every page is in the journal. Only for tests of the native half.
 */

import { join } from "node:path";
import Database from "better-sqlite3";
import { registerBetterSqlite3 } from "../../src/drivers.ts";
import { native } from "../../src/native.ts";

let started = false;

function start(): void {
  if (started) return;
  started = true;
  native.engineStart(() => {
    for (;;) {
      const batch = native.takeRequests();
      if (batch.length === 0) return;
      for (let at = 0; at < batch.length; at += 5) {
        if (batch[at] === 1) native.answer(batch[at + 2] ?? 0, 10, undefined, "not resident");
      }
    }
  });
  registerBetterSqlite3(Database);
}

export interface BareMount {
  readonly id: number;
  readonly filename: string;
  /** What the last recovered segment held. */
  readonly recovered: ReturnType<typeof native.journalRecover> | undefined;
  open(): Database.Database;
  close(): void;
}

let names = 0;

/** With `recover`, indexes those segment files first; commits go to a new file in `folder`. */
export function bareMount(folder: string, recover: readonly string[] = []): BareMount {
  start();
  names += 1;
  const name = `bare-${names}.db`;
  const id = native.mountCreate(name, true, 0, 5000, 0, 0n, 0, 0, 0, false);
  let recovered: BareMount["recovered"];
  try {
    for (const path of recover) recovered = native.journalRecover(id, path, true);
  } catch (error) {
    native.mountClose(id, "recovery failed");
    throw error;
  }
  native.journalRotate(id, join(folder, `${name}.journal`), 0n);
  native.mountActivate(id);
  const connections: Database.Database[] = [];
  return {
    id,
    filename: `file:${name}?vfs=headwater`,
    recovered,
    open() {
      const connection = new Database(`file:${name}?vfs=headwater`);
      connections.push(connection);
      return connection;
    },
    close() {
      for (const connection of connections) connection.close();
      native.mountClose(id, "the test is over");
    },
  };
}

/** The whole database as of now, as `journalCollect` and `journalRead` give it. */
export function collectDatabase(id: number): Uint8Array {
  const pending = native.journalCollect(id, 0, 0);
  if (pending === undefined) return new Uint8Array(0);
  const out = new Uint8Array(pending.pgnos.length * pending.pageSize);
  native.journalRead(id, pending.pgnos, pending.seq, out);
  return out;
}
