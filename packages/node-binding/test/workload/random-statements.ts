/**
 * SQL statements by chance: always the same for the same seed and the same database.
 *
 * Nothing in them depends on time, chance or the library's settings, so that two databases that run
 * the same statements hold the same rows. A statement may fail; then it must fail on both.
 */

import type { SeededRandom } from "@headwater/ltx/testing";
import type BetterSqlite3 from "better-sqlite3";

interface Column {
  readonly name: string;
  readonly isKey: boolean;
}

interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
}

const TABLES_MAX = 6;
const COLUMNS_MAX = 7;
const INDEXES_MAX = 8;
/** Beyond this nothing large is added. */
const DATABASE_BYTES_MAX = 3 * 1024 * 1024;
const TYPES = ["integer", "text", "blob", "real", "numeric", ""] as const;

export class RandomStatements {
  readonly #random: SeededRandom;
  readonly #open: () => BetterSqlite3.Database;
  #names = 0;
  #savepoints = 0;

  /** The database tells which tables there are; it is not changed here. */
  constructor(random: SeededRandom, open: () => BetterSqlite3.Database) {
    this.#random = random;
    this.#open = open;
  }

  get #database(): BetterSqlite3.Database {
    return this.#open();
  }

  next(): string {
    const random = this.#random;
    if (!this.#database.inTransaction) this.#savepoints = 0;
    const tables = this.#tables();
    if (tables.length === 0) return this.#createTable();
    const table = random.pick(tables);
    const dice = random.below(100);
    if (dice < 22) return this.#insert(table);
    if (dice < 32) return this.#insertMany(table);
    if (dice < 47) return this.#update(table);
    if (dice < 57) return this.#delete(table);
    if (dice < 62) return this.#insertBlob(table);
    if (dice < 74) return this.#transaction();
    if (dice < 86) return this.#schema(tables, table);
    return this.#housekeeping();
  }

  #tables(): Table[] {
    const names = this.#database
      .prepare(
        "select name from sqlite_schema where type = 'table' " +
          "and name not like 'sqlite_%' order by name",
      )
      .pluck()
      .all() as string[];
    return names.map((name) => ({ name, columns: this.#columns(name) }));
  }

  #columns(table: string): Column[] {
    const rows = this.#database
      .prepare("select name, pk from pragma_table_info(?)")
      .raw()
      .all(table) as [string, number][];
    return rows.map(([name, pk]) => ({ name, isKey: pk > 0 }));
  }

  #indexes(): string[] {
    return this.#database
      .prepare("select name from sqlite_schema where type = 'index' and sql is not null")
      .pluck()
      .all() as string[];
  }

  #newName(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }

  #isLarge(): boolean {
    const pages = this.#database.pragma("page_count", { simple: true }) as number;
    const pageSize = this.#database.pragma("page_size", { simple: true }) as number;
    return pages * pageSize > DATABASE_BYTES_MAX;
  }

  #schema(tables: readonly Table[], table: Table): string {
    const random = this.#random;
    const indexes = this.#indexes();
    const dice = random.below(12);
    if (dice < 3 && tables.length < TABLES_MAX) return this.#createTable();
    if (dice < 6 && indexes.length < INDEXES_MAX) return this.#createIndex(table);
    if (dice === 6 && indexes.length > 0) return `drop index ${random.pick(indexes)}`;
    if (dice === 7 && tables.length > 2) return `drop table ${table.name}`;
    if (dice === 8) return `alter table ${table.name} rename to ${this.#newName("r")}`;
    if (dice === 9) {
      const column = random.pick(table.columns);
      return `alter table ${table.name} rename column ${column.name} to ${this.#newName("c")}`;
    }
    if (dice === 10) {
      return `alter table ${table.name} drop column ${random.pick(table.columns).name}`;
    }
    if (table.columns.length >= COLUMNS_MAX) return "analyze";
    const type = random.pick(TYPES);
    return `alter table ${table.name} add column ${this.#newName("c")} ${type} default 'none'`;
  }

  #createTable(): string {
    const random = this.#random;
    const name = this.#newName("t");
    const columns = Array.from(
      { length: random.between(1, 4) },
      () => `${this.#newName("c")} ${random.pick(TYPES)}`,
    );
    const form = random.below(4);
    if (form === 0) {
      const key = this.#newName("k");
      return `create table ${name}(${key} text, ${columns}, primary key (${key})) without rowid`;
    }
    if (form === 1) {
      const key = `${this.#newName("k")} integer primary key autoincrement`;
      return `create table ${name}(${key}, ${columns})`;
    }
    if (form === 2) return `create table ${name}(${columns})`;
    return `create table ${name}(${this.#newName("k")} integer primary key, ${columns})`;
  }

  #createIndex(table: Table): string {
    const random = this.#random;
    const name = this.#newName("i");
    const column = random.pick(table.columns).name;
    const form = random.below(4);
    const unique = random.chance(0.15) ? "unique " : "";
    if (form === 0) return `create index ${name} on ${table.name}(length(${column}))`;
    if (form === 1) {
      return `create index ${name} on ${table.name}(${column}) where ${column} is not null`;
    }
    const second = random.pick(table.columns).name;
    return `create ${unique}index ${name} on ${table.name}(${column} desc, ${second})`;
  }

  #value(): string {
    const random = this.#random;
    switch (random.below(6)) {
      case 0:
        return "null";
      case 1:
        return String(random.between(-1000, 1_000_000));
      case 2:
        return `${random.between(-50, 50)}.${random.below(1000)}`;
      case 3:
        return `x'${Buffer.from(random.bytes(random.below(60))).toString("hex")}'`;
      default:
        return `'${this.#text(random.below(300))}'`;
    }
  }

  #text(length: number): string {
    const letters = "abcdefghijklmnopqrstuvwxyz .,0123456789";
    let text = "";
    for (let i = 0; i < length; i += 1) text += letters[this.#random.below(letters.length)];
    return text;
  }

  #insert(table: Table): string {
    const random = this.#random;
    const verb = random.pick(["insert", "insert", "insert or replace", "insert or ignore"]);
    const rows = Array.from(
      { length: random.between(1, 6) },
      () => `(${table.columns.map((column) => this.#valueFor(column))})`,
    );
    return `${verb} into ${table.name} values ${rows.join(", ")}`;
  }

  #valueFor({ isKey }: Column): string {
    return isKey ? String(this.#random.between(1, 5000)) : this.#value();
  }

  /** Many rows whose content follows from one number. */
  #insertMany(table: Table): string {
    const random = this.#random;
    const count = this.#isLarge() ? 5 : random.pick([20, 200, 1500]);
    const start = random.between(1, 2 ** 31 - 2);
    const width = random.pick([8, 40, 250]);
    const columns = table.columns.filter(() => random.chance(0.8));
    const used = columns.length === 0 ? table.columns : columns;
    const values = used.map(({ isKey }, index) => {
      if (isKey) return "x % 100000";
      return index % 2 === 0 ? `printf('%.*c%d', x % ${width}, 'abcdef', x)` : `x + ${index}`;
    });
    return (
      `with recursive n(i, x) as (select 1, ${start} union all ` +
      `select i + 1, (x * 1103515245 + 12345) % 2147483648 from n where i < ${count}) ` +
      `insert or replace into ${table.name}(${used.map(({ name }) => name)}) ` +
      `select ${values} from n`
    );
  }

  #insertBlob(table: Table): string {
    const random = this.#random;
    const { name } = random.pick(table.columns);
    const size = this.#isLarge() ? 100 : random.pick([5000, 40_000, 150_000]);
    const noise = Buffer.from(random.bytes(random.below(3000))).toString("hex");
    return (
      `insert or replace into ${table.name}(${name}) ` +
      `values (cast(x'${noise}' || zeroblob(${size}) as blob))`
    );
  }

  #condition(table: Table): string {
    const random = this.#random;
    const { name } = random.pick(table.columns);
    const parts = random.pick([1, 2, 3, 7, 30, 200]);
    return `(length(quote(${name})) * 7 + ${random.below(200)}) % ${parts} = 0`;
  }

  #update(table: Table): string {
    const random = this.#random;
    const { name, isKey } = random.pick(table.columns);
    const verb = random.pick(["update", "update or replace", "update or ignore"]);
    const value = random.pick([
      this.#value(),
      isKey ? `${name} + 100000` : `substr(quote(${name}) || 'x', 1, 400)`,
      isKey ? `${name} + 1` : `replace(${name}, 'a', 'bb')`,
    ]);
    return `${verb} ${table.name} set ${name} = ${value} where ${this.#condition(table)}`;
  }

  #delete(table: Table): string {
    if (this.#random.chance(0.05)) return `delete from ${table.name}`;
    return `delete from ${table.name} where ${this.#condition(table)}`;
  }

  #transaction(): string {
    const random = this.#random;
    if (!this.#database.inTransaction) {
      return random.pick(["begin", "begin immediate", "begin exclusive", this.#savepoint()]);
    }
    const dice = random.below(10);
    if (dice < 3) return "commit";
    if (dice < 5) return "rollback";
    if (this.#savepoints === 0 || dice < 7) return this.#savepoint();
    const name = `s${random.between(1, this.#savepoints)}`;
    return dice < 9 ? `rollback to ${name}` : `release ${name}`;
  }

  #savepoint(): string {
    this.#savepoints += 1;
    return `savepoint s${this.#savepoints}`;
  }

  #housekeeping(): string {
    const random = this.#random;
    const pages = this.#database.pragma("page_count", { simple: true }) as number;
    return random.pick([
      "vacuum",
      "vacuum",
      "pragma incremental_vacuum",
      `pragma incremental_vacuum(${random.between(1, 20)})`,
      `pragma auto_vacuum = ${random.below(3)}`,
      `pragma cache_size = ${random.pick([2, 10, 50, 2000])}`,
      `pragma cache_spill = ${random.pick(["off", "on", "5"])}`,
      `pragma max_page_count = ${pages + random.below(8)}`,
      "pragma max_page_count = 1000000",
      "pragma max_page_count = 1000000",
      "pragma max_page_count = 1000000",
      "analyze",
      "reindex",
    ]);
  }
}
