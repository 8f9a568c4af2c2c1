/**
 * The test database of one size: a plain SQLite file, the same file in WAL mode, and what a reader
 * must find in it.
 *
 * Rows are written in the order in which they would come into being, so that the pages of tables
 * and indexes lie mixed, as they do in a database that has lived.
 */

import { copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { type Random, randomBetween, seededRandom } from "../seeded-random.ts";
import { emailOf, PAGE_SIZE, SCHEMA, SQL } from "./schema.ts";
import { Words } from "./words.ts";

export interface Dataset {
  readonly sizeMb: number;
  /** A rollback-journal database, as LTX files hold it. */
  readonly file: string;
  /** The same in WAL mode. */
  readonly walFile: string;
  readonly bytes: number;
  readonly customerCount: number;
  readonly orderCount: number;
  /** What the statement `scan` must give. */
  readonly scanSum: number;
  /** What the statement `scanTable` must give. */
  readonly scanTableSum: number;
  /** Pages that `scan` reads. */
  readonly scanPages: number;
}

const SEED = 20_260_115;
const ORDERS_PER_CUSTOMER = 4;
const CUSTOMERS_PER_BATCH = 250;
const FIRST_ORDER_AT = 1_700_000_000;

export function makeDataset(folder: string, sizeMb: number): Dataset {
  const file = join(folder, `plain-${sizeMb}.db`);
  const database = new Database(file);
  try {
    database.pragma(`page_size = ${PAGE_SIZE}`);
    database.pragma("journal_mode = off");
    database.pragma("synchronous = off");
    database.pragma("cache_size = -400000");
    database.exec(SCHEMA);
    const counts = fill(database, sizeMb * 1_000_000);
    database.pragma("journal_mode = delete");
    const facts = { sizeMb, file, ...counts, ...expectations(database) };
    database.close();
    return { ...facts, walFile: copyInWalMode(file), bytes: statSync(file).size };
  } finally {
    if (database.open) database.close();
  }
}

function fill(database: Database.Database, bytesWanted: number) {
  const random = seededRandom(SEED);
  const words = new Words(random);
  const addCustomer = database.prepare("insert into customers values (?, ?, ?, ?)");
  const addOrder = database.prepare("insert into orders values (?, ?, ?, ?, ?)");
  const pageCount = database.prepare("pragma page_count").pluck();
  let customerCount = 0;
  let orderCount = 0;
  while ((pageCount.get() as number) * PAGE_SIZE < bytesWanted) {
    database.exec("begin");
    for (let i = 0; i < CUSTOMERS_PER_BATCH; i += 1) {
      customerCount += 1;
      addCustomer.run(customerCount, emailOf(customerCount), words.name(), words.name());
      for (let j = 0; j < ORDERS_PER_CUSTOMER; j += 1) {
        orderCount += 1;
        const at = FIRST_ORDER_AT + orderCount * 60 + randomBetween(random, -600, 600);
        const customer = randomBetween(random, 1, customerCount);
        const cents = randomBetween(random, 99, 99_999);
        addOrder.run(orderCount, customer, at, cents, words.text(noteLength(random)));
      }
    }
    database.exec("commit");
  }
  return { customerCount, orderCount };
}

/** Mostly short; one in fifty does not fit into its page. */
function noteLength(random: Random): number {
  if (random() < 0.02) return randomBetween(random, 3000, 9000);
  return Math.round(20 * 20 ** random());
}

function expectations(database: Database.Database) {
  const scanSum = database.prepare(SQL.scan).pluck().get() as number;
  const scanTableSum = database.prepare(SQL.scanTable).pluck().get() as number;
  const scanPages = database
    .prepare("select count(*) from dbstat where name in ('customers', 'orders')")
    .pluck()
    .get() as number;
  return { scanSum, scanTableSum, scanPages };
}

function copyInWalMode(file: string): string {
  const copy = file.replace(/\.db$/, "-wal-mode.db");
  copyFileSync(file, copy);
  const database = new Database(copy);
  database.pragma("journal_mode = wal");
  database.close();
  return copy;
}
