/**
 * Items, each with the number of the transaction that wrote it last and a body that follows from
 * both, and a tally that every transaction brings up to date. So a database says by itself whether
 * it is what one transaction has left: by the tally at once, page by page in a thorough look.
 *
 * It grows for a while and shrinks again, as a file too.
 */

import type BetterSqlite3 from "better-sqlite3";

/** What a whole database comes to. Its writer keeps this on its own, and never reads it back. */
export interface Tally {
  /** Of the transaction that was last. */
  readonly number: number;
  readonly itemCount: number;
  readonly numberSum: number;
}

export type Look =
  | {
      readonly type: "sound";
      readonly tally: Tally;
      /** Of every item; undefined in a light look. */
      readonly digest: number | undefined;
    }
  | { readonly type: "unsound"; readonly why: string };

export interface StockSizes {
  readonly itemsMin: number;
  readonly bodyBytes: number;
  /** Transactions of growth, and then as many of shrinking. */
  readonly wave: number;
}

interface Item {
  readonly id: number;
  readonly number: number;
  readonly body: Uint8Array;
}

const CREATE = `
  create table tally(id integer primary key, number, item_count, number_sum);
  create table item(id integer primary key, number integer, body blob);
  create index item_number on item(number);
  insert into tally values (1, 0, 0, 0)`;

const UPDATES = 3;
/** Items that come or go with one transaction. */
const STEP = 2;
/** Rows that a light look reads. */
const LIGHT_ROWS = 20;

/** Like noise, so that it does not get smaller by compression. */
export function bodyOf(id: number, number: number, bytes: number): Uint8Array {
  const body = new Uint32Array(Math.ceil(bytes / 4));
  let state = (Math.imul(id, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b)) | 1;
  for (let index = 0; index < body.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    body[index] = state;
  }
  return new Uint8Array(body.buffer, 0, bytes);
}

/** The only one who writes. */
export class StockWriter {
  readonly #database: BetterSqlite3.Database;
  readonly #sizes: StockSizes;
  readonly #random: () => number;
  readonly #ids: number[] = [];
  readonly #numbers = new Map<number, number>();
  #numberSum = 0;
  #number = 0;
  #nextId = 1;

  /** The database is empty. */
  constructor(database: BetterSqlite3.Database, sizes: StockSizes, random: () => number) {
    this.#database = database;
    this.#sizes = sizes;
    this.#random = random;
    // Pages go away with what was on them, when the transaction ends.
    database.pragma("auto_vacuum = full");
    this.#inTransaction(() => {
      database.exec(CREATE);
      this.#number = 1;
      for (let count = 0; count < sizes.itemsMin; count += 1) this.#add();
    });
  }

  get tally(): Tally {
    return { number: this.#number, itemCount: this.#ids.length, numberSum: this.#numberSum };
  }

  write(): void {
    const { itemsMin, wave } = this.#sizes;
    this.#inTransaction(() => {
      this.#number += 1;
      for (let count = 0; count < UPDATES; count += 1) this.#update();
      const isGrowing = Math.floor(this.#number / wave) % 2 === 0;
      for (let count = 0; count < STEP; count += 1) {
        if (isGrowing) this.#add();
        else if (this.#ids.length > itemsMin) this.#remove();
      }
    });
  }

  #inTransaction(work: () => void): void {
    const keepTally = () => {
      work();
      const { number, itemCount, numberSum } = this.tally;
      this.#database
        .prepare("update tally set number = ?, item_count = ?, number_sum = ?")
        .run(number, itemCount, numberSum);
    };
    this.#database.transaction(keepTally).immediate();
  }

  #add(): void {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#ids.push(id);
    this.#write("insert into item(number, body, id) values (?, ?, ?)", id);
  }

  #update(): void {
    const id = this.#ids[this.#pick()]!;
    this.#numberSum -= this.#numbers.get(id)!;
    this.#write("update item set number = ?, body = ? where id = ?", id);
  }

  #write(sql: string, id: number): void {
    const body = Buffer.from(bodyOf(id, this.#number, this.#sizes.bodyBytes));
    this.#database.prepare(sql).run(this.#number, body, id);
    this.#numbers.set(id, this.#number);
    this.#numberSum += this.#number;
  }

  #remove(): void {
    const index = this.#pick();
    const id = this.#ids[index]!;
    this.#ids[index] = this.#ids.at(-1)!;
    this.#ids.pop();
    this.#numberSum -= this.#numbers.get(id)!;
    this.#numbers.delete(id);
    this.#database.prepare("delete from item where id = ?").run(id);
  }

  #pick(): number {
    return Math.floor(this.#random() * this.#ids.length);
  }
}

/** Within one read transaction: the sums, and a few items at random places. */
export function lookLightly(database: BetterSqlite3.Database, random: () => number): Look {
  const tally = readTally(database);
  const [count, sum, newest] = rowOf(
    database,
    "select count(*), sum(number), max(number) from item",
  );
  const why = compare(tally, { count, sum, newest });
  if (why !== undefined) return { type: "unsound", why };
  const last = rowOf(database, "select max(id) from item")[0]!;
  const from = database.prepare("select id, number, body from item where id >= ? limit 1");
  for (let row = 0; row < LIGHT_ROWS; row += 1) {
    const item = from.get(Math.floor(random() * last)) as Item;
    if (!isWhole(item)) return { type: "unsound", why: `item ${item.id} has another body` };
  }
  return { type: "sound", tally, digest: undefined };
}

/** Within one read transaction: everything. */
export function lookThoroughly(database: BetterSqlite3.Database): Look {
  const tally = readTally(database);
  let [count, sum, newest, digest] = [0, 0, 0, 0];
  for (const row of database.prepare("select id, number, body from item").iterate()) {
    const item = row as Item;
    if (!isWhole(item)) return { type: "unsound", why: `item ${item.id} has another body` };
    count += 1;
    sum += item.number;
    newest = Math.max(newest, item.number);
    digest = (Math.imul(digest, 31) + Math.imul(item.id, 0x9e3779b1) + item.number) >>> 0;
  }
  const why = compare(tally, { count, sum, newest });
  return why === undefined ? { type: "sound", tally, digest } : { type: "unsound", why };
}

function readTally(database: BetterSqlite3.Database): Tally {
  const [number, itemCount, numberSum] = rowOf(
    database,
    "select number, item_count, number_sum from tally",
  );
  return { number: number!, itemCount: itemCount!, numberSum: numberSum! };
}

function rowOf(database: BetterSqlite3.Database, sql: string): number[] {
  return database.prepare(sql).raw().get() as number[];
}

interface Found {
  readonly count: number | undefined;
  readonly sum: number | undefined;
  readonly newest: number | undefined;
}

/** Every transaction changes some item, so the newest one is the tally's. */
function compare({ number, itemCount, numberSum }: Tally, found: Found): string | undefined {
  const { count, sum, newest } = found;
  if (count === itemCount && sum === numberSum && newest === number) return undefined;
  return (
    `transaction ${number} left ${itemCount} items with the sum ${numberSum}; ` +
    `found are ${count} with ${sum}, the newest of transaction ${newest}`
  );
}

function isWhole({ id, number, body }: Item): boolean {
  return Buffer.compare(body, bodyOf(id, number, body.byteLength)) === 0;
}
