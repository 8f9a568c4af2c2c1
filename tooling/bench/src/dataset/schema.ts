/**
 * The shape of the test database, and the statements that cases run on it: what a shop would have.
 *
 * `events` is empty at first: it is where commits go.
 */

export const PAGE_SIZE = 4096;

export const SCHEMA = `
  create table customers(
    id integer primary key, email text not null unique, name text not null, city text not null
  );
  create table orders(
    id integer primary key, customer_id integer not null references customers(id),
    placed_at integer not null, total_cents integer not null, note text not null
  );
  create index orders_by_customer on orders(customer_id);
  create index orders_by_time on orders(placed_at);
  create table events(id integer primary key, at integer not null, kind text, payload text);
`;

export const SQL = {
  /** Three levels of pages: the schema is read for it too. */
  firstRow: "select total_cents, note from orders where id = ?",
  byKey: "select total_cents, note from orders where id = ?",
  /** An index, then a table: two descents. */
  byIndex: "select id, name, city from customers where email = ?",
  /** Two hundred rows that lie near each other. */
  range: "select sum(total_cents + length(note)) as sum from orders where id between ? and ?",
  /** Every row of both tables, with every byte of their texts. */
  scan: `
    select
      (select sum(id + length(email) + length(name) + length(city)) from customers) +
      (select sum(total_cents + length(note)) from orders) as sum`,
  /** Rows of two tables that have the same keys: pages that lie near each other. */
  joinSameKeys: `
    select o.total_cents, o.note, c.name, c.city
    from orders o join customers c on c.id = o.id where o.id between ? and ?`,
  /** Orders that lie near each other, and their customers, who do not. */
  joinScatteredKeys: `
    select o.total_cents, o.note, c.name, c.city
    from orders o join customers c on c.id = o.customer_id where o.id between ? and ?`,
  /** Every row of the larger of the two. */
  scanTable: "select sum(total_cents + length(note)) as sum from orders",
  insert: "insert into events(at, kind, payload) values (?, ?, ?)",
} as const;

export const RANGE_ROWS = 200;
export const JOIN_ROWS = 10;

/** Known from the number alone, so that a reader needs no list of them. */
export function emailOf(customerId: number): string {
  const scattered = (customerId * 2_654_435_761) % 2 ** 32;
  return `customer.${scattered.toString(36)}.${customerId}@example.org`;
}
