/**
 * Accounts whose balances always sum up to the same, and every transfer between them: so a database
 * says by itself whether it is a state that transactions, each of them whole, have made.
 */

const ACCOUNTS = 100;
const BALANCE = 1000;
const TOTAL = ACCOUNTS * BALANCE;

/** Runs SQL and gives all rows as arrays. */
export type Query = (sql: string) => unknown[][];

/** How many transfers of each writer a database holds: the first so many, without a gap. */
export type Held = Readonly<Record<string, number>>;

export type Audit =
  | { readonly type: "sound"; readonly held: Held }
  | { readonly type: "unsound"; readonly why: string };

/** In one transaction; wide rows, so that the accounts lie on many pages. */
export const CREATE_BANK: readonly string[] = [
  "create table account(id integer primary key, balance integer, filler text)",
  `create table transfer(writer text, n integer, source integer, target integer, amount integer,
    primary key(writer, n)) without rowid`,
  `with recursive i(n) as (select 1 union all select n + 1 from i where n < ${ACCOUNTS})
    insert into account select n, ${BALANCE}, printf('%.*c', 300, 'f') from i`,
];

export const HAS_BANK = "select count(*) from sqlite_master where name = 'account'";

const SUM = "select sum(balance), count(*) from account";
const HELD = "select writer, count(*), max(n) from transfer group by writer";
const WRONG_BALANCES = `
  with moved(id, amount) as (
    select id, sum(amount) from (
      select source as id, -amount as amount from transfer
      union all select target, amount from transfer) group by id)
  select count(*) from account left join moved using (id)
    where balance <> ${BALANCE} + coalesce(moved.amount, 0)`;

export function transferStatements(
  writer: string,
  n: number,
  random: () => number,
): readonly string[] {
  const account = () => 1 + Math.floor(random() * ACCOUNTS);
  const [source, target, amount] = [account(), account(), 1 + Math.floor(random() * 50)];
  return [
    `update account set balance = balance - ${amount} where id = ${source}`,
    `update account set balance = balance + ${amount} where id = ${target}`,
    `insert into transfer values ('${writer}', ${n}, ${source}, ${target}, ${amount})`,
  ];
}

/** Call it within one read transaction. */
export function audit(query: Query): Audit {
  const [[sum, count] = []] = query(SUM);
  if (sum !== TOTAL || count !== ACCOUNTS) {
    return { type: "unsound", why: `${count} accounts have ${sum}, not ${TOTAL}` };
  }
  const held: Record<string, number> = {};
  for (const [writer, transfers, last] of query(HELD)) {
    if (transfers !== last) {
      return { type: "unsound", why: `${writer} has ${transfers} transfers up to its ${last}th` };
    }
    held[String(writer)] = Number(last);
  }
  const [[wrong] = []] = query(WRONG_BALANCES);
  if (wrong !== 0) return { type: "unsound", why: `${wrong} balances do not fit the transfers` };
  return { type: "sound", held };
}
