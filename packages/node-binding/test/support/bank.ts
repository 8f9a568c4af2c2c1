/**
 * Accounts whose balances always sum up to the same, and ways to move money.
 */

import type { SeededRandom } from "@headwater/ltx/testing";
import type BetterSqlite3 from "better-sqlite3";

export const ACCOUNTS = 500;
export const BALANCE = 1000;
export const TOTAL: number = ACCOUNTS * BALANCE;

/** Wide rows, so that the accounts lie on many pages. */
export const CREATE_BANK = `
  create table account(id integer primary key, balance integer, filler text);
  create table transfer(id integer primary key, amount integer);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ACCOUNTS})
  insert into account select i, ${BALANCE}, printf('%.*c', 200, 'f') from n`;

export const SUM = "select sum(balance) from account";

/** One transfer in a transaction of its own; it also makes the database grow a little. */
export function transfer(database: BetterSqlite3.Database, random: SeededRandom): void {
  const [from, to] = [random.between(1, ACCOUNTS), random.between(1, ACCOUNTS)];
  const amount = random.between(1, 50);
  database.exec("begin immediate");
  try {
    database.exec(`update account set balance = balance - ${amount} where id = ${from}`);
    database.exec(`update account set balance = balance + ${amount} where id = ${to}`);
    database.exec(`insert into transfer(amount) values (${amount})`);
    database.exec("commit");
  } catch (error) {
    if (database.inTransaction) database.exec("rollback");
    throw error;
  }
}
