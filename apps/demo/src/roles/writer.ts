/**
 * The writer: makes a new database, fills it, flushes it, and goes on writing while others read.
 */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type OpenedDatabase, openDatabase } from "@headwater/node-binding";
import {
  CREATE_NOTES,
  INSERT_NOTE,
  LATER_TRANSACTIONS,
  nowMs,
  ROWS,
  readNotes,
  TRANSACTIONS,
} from "./notes.ts";
import { playRole, type Role } from "./role.ts";

const PAUSE_MS = 150;

await playRole(async (role) => {
  const hw = await open(role);
  await using _ = hw;
  await role.step("write", async () => {
    writeAll(hw);
    return { mount: hw, ...readNotes(hw.database) };
  });
  await role.step("flush", async () => {
    await hw.flush();
    return { mount: hw, count: ROWS };
  });
  await role.waitForParent();
  await role.step("write more", async () => {
    await writeMore(hw);
    return { mount: hw, ...readNotes(hw.database) };
  });
  await role.waitForParent();
});

async function open(role: Role): Promise<OpenedDatabase> {
  const { url, folder } = role.job;
  let opened: OpenedDatabase | undefined;
  await role.step("open", async () => {
    opened = await openDatabase({ url, mode: "write", journalDir: join(folder, "journal") });
    return { mount: opened, count: 0 };
  });
  return opened as OpenedDatabase;
}

function writeAll({ database }: OpenedDatabase): void {
  database.exec(CREATE_NOTES);
  const insert = database.prepare(INSERT_NOTE);
  const perTransaction = ROWS / TRANSACTIONS;
  for (let first = 1; first <= ROWS; first += perTransaction) {
    database.transaction(() => {
      for (let id = first; id < first + perTransaction; id += 1) {
        insert.run(`Note ${id}: water finds its way.`, nowMs());
      }
    })();
  }
}

/** The clock of both processes is the same machine's: each row says when it was written. */
async function writeMore(hw: OpenedDatabase): Promise<void> {
  const insert = hw.database.prepare(INSERT_NOTE);
  for (let i = 1; i <= LATER_TRANSACTIONS; i += 1) {
    insert.run(`Later note ${i}`, nowMs());
    await hw.flush();
    await sleep(PAUSE_MS);
  }
}
