/**
 * A process that moves money until it is killed or loses the lease, and tells how much of it is
 * durable.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "@headwater/node-binding";
import type BetterSqlite3 from "better-sqlite3";
import { audit, CREATE_BANK, HAS_BANK, transferStatements } from "../bank-database.ts";
import { fail, readTask, tell } from "../news.ts";

const LEASE = { ttlMs: 2_000, waitMs: 600_000 };
const PAUSE_MS_MAX = 10;
const TRANSFERS_PER_FLUSH = 10;

const { name, url, storeOptions, journalDir } = readTask();

function inTransaction(database: BetterSqlite3.Database, statements: readonly string[]): void {
  database.exec("begin immediate");
  try {
    for (const statement of statements) database.exec(statement);
    database.exec("commit");
  } catch (error) {
    if (database.inTransaction) database.exec("rollback");
    throw error;
  }
}

async function main(): Promise<never> {
  const hw = await openDatabase({
    url,
    ...(storeOptions === undefined ? {} : { storeOptions }),
    mode: "write",
    ...(journalDir === undefined ? {} : { journalDir }),
    lease: { ...LEASE, owner: name },
    syncIntervalMs: 200,
  });
  const { database } = hw;
  const query = (sql: string) => database.prepare(sql).raw().all() as unknown[][];
  if (query(HAS_BANK)[0]?.[0] === 0) inTransaction(database, CREATE_BANK);
  tell({ type: "opened", audit: database.transaction(() => audit(query))() });
  let flushing: Promise<unknown> = Promise.resolve();
  for (let count = 1; ; count += 1) {
    inTransaction(database, transferStatements(name, count, Math.random));
    await sleep(Math.random() * PAUSE_MS_MAX);
    if (count % TRANSFERS_PER_FLUSH !== 0) continue;
    await flushing;
    // Transfers go on while the answer is on its way.
    flushing = hw.flush().then(() => tell({ type: "durable", count }), fail);
  }
}

main().catch(fail);
