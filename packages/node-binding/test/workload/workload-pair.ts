/**
 * One history of statements on two databases: an ordinary file, and a replica.
 */

import { cpSync } from "node:fs";
import { basename, join } from "node:path";
import Database from "better-sqlite3";
import { expect } from "vitest";
import {
  HeadwaterError,
  type MountOptions,
  type OpenedDatabase,
  openDatabase,
} from "../../src/index.ts";
import { dump, findDumpDifference, integrity, queryOf } from "../support/dump.ts";
import { extendedCode } from "../support/result-code.ts";

export interface WorkloadSettings {
  readonly folder: string;
  /** PRAGMAs that are set right after opening, each time. */
  readonly settings: readonly string[];
  /** PRAGMAs of a new database. */
  readonly creation: readonly string[];
  readonly options: Partial<MountOptions>;
}

type Outcome = readonly [code: string | undefined, inTransaction: boolean, ...numbers: unknown[]];

export class WorkloadPair {
  #plain: Database.Database;
  readonly history: string[] = [];
  readonly #settings: WorkloadSettings;
  readonly #url: string;
  #journal = 1;
  #begins = 0;
  #opened: OpenedDatabase;
  #snapshot: { database: Database.Database; expected: string } | undefined;

  private constructor(settings: WorkloadSettings, opened: OpenedDatabase) {
    const { folder, creation } = settings;
    this.#settings = settings;
    this.#url = `file://${folder}/replica`;
    this.#opened = opened;
    this.#plain = this.#openPlain();
    for (const sql of creation) this.run(sql);
  }

  static async open(settings: WorkloadSettings): Promise<WorkloadPair> {
    const { folder, options } = settings;
    const opened = await openDatabase({
      ...options,
      url: `file://${folder}/replica`,
      mode: "write",
      journalDir: join(folder, "journal-1"),
    });
    const pair = new WorkloadPair(settings, opened);
    await pair.#begin();
    return pair;
  }

  get plain(): Database.Database {
    return this.#plain;
  }

  /** Runs it on both, and compares what came of it. */
  run(sql: string): void {
    this.history.push(sql);
    const expected = outcome(this.plain, sql);
    const actual = outcome(this.#opened.database, sql);
    expect(actual, sql).toEqual(expected);
  }

  async flush(): Promise<void> {
    this.history.push("-- flush");
    await this.#opened.flush();
  }

  /** Both hold the same and are sound. Outside of transactions only. */
  async compare(): Promise<void> {
    await this.#compareWith(this.#opened.database);
    const counts = ["page_count", "freelist_count", "auto_vacuum", "page_size", "schema_version"];
    for (const name of counts) {
      const pragma = (database: Database.Database) => database.pragma(name, { simple: true });
      expect(pragma(this.#opened.database), name).toBe(pragma(this.plain));
    }
    const { pageCount } = await this.#opened.status();
    expect(pageCount, "page count of the mount").toBe(
      this.plain.pragma("page_count", { simple: true }),
    );
  }

  /** Ends every connection and the mount, and opens them again. */
  async reopen(how: "same journal" | "new journal"): Promise<void> {
    this.history.push(`-- reopen, ${how}`);
    if (how === "new journal") this.#journal += 1;
    await this.close();
    const { folder, options } = this.#settings;
    this.#opened = await openDatabase({
      ...options,
      url: this.#url,
      mode: "write",
      mustExist: true,
      journalDir: join(folder, `journal-${this.#journal}`),
    });
    this.#plain = this.#openPlain();
    await this.#begin();
  }

  /**
   * As after a crash: what is on disk now is opened by another mount, which goes on. Only while
   * nothing is being uploaded.
   */
  async crash(): Promise<void> {
    this.history.push("-- crash");
    const { folder, options } = this.#settings;
    const from = join(folder, `journal-${this.#journal}`);
    this.#journal += 1;
    const journalDir = join(folder, `journal-${this.#journal}`);
    cpSync(from, journalDir, { recursive: true, filter: (path) => basename(path) !== "lock" });
    const crashed = this.#opened;
    this.#snapshot?.database.close();
    this.#snapshot = undefined;
    this.#opened = await openDatabase({
      ...options,
      url: this.#url,
      mode: "write",
      lease: "off",
      journalDir,
    });
    await this.compare();
    await this.#opened.flush();
    await crashed.close().catch((error: unknown) => {
      // The one that crashed would not have said so.
      if (!HeadwaterError.is(error, "FENCED")) throw error;
    });
    this.#plain.close();
    this.#plain = this.#openPlain();
    await this.#begin();
  }

  /** A reader of its own sees what is in the bucket. */
  async read(options: Partial<MountOptions> = {}): Promise<void> {
    this.history.push(`-- read ${JSON.stringify(options)}`);
    await this.#opened.flush();
    const reader = await openDatabase({ ...options, url: this.#url, pollIntervalMs: 0 });
    try {
      if (options.hydrate !== undefined) await reader.hydrated();
      await this.#compareWith(reader.database);
    } finally {
      await reader.close();
    }
  }

  /** A second connection takes a snapshot, or is asked whether it still sees it. */
  async toggleSnapshot(): Promise<void> {
    if (this.#snapshot === undefined) {
      this.history.push("-- snapshot");
      const database = new Database(this.#opened.filename);
      database.exec("begin");
      this.#snapshot = { database, expected: await dump(database) };
      return;
    }
    this.history.push("-- snapshot ends");
    const { database, expected } = this.#snapshot;
    this.#snapshot = undefined;
    expect(findDumpDifference(await dump(database), expected)).toBeUndefined();
    database.exec("commit");
    if (!this.plain.inTransaction) await this.#compareWith(database);
    database.close();
  }

  async close(): Promise<void> {
    this.#plain.close();
    this.#snapshot?.database.close();
    this.#snapshot = undefined;
    await this.#opened.close();
  }

  /**
   * The first commit is uploaded as soon as it is made. From then on nothing is before the interval
   * is over.
   */
  async #begin(): Promise<void> {
    for (const sql of this.#settings.settings) this.run(sql);
    this.#begins += 1;
    this.run(`pragma user_version = ${this.#begins}`);
    await this.flush();
  }

  #openPlain(): Database.Database {
    const plain = new Database(join(this.#settings.folder, "plain.db"));
    plain.pragma("synchronous = off");
    return plain;
  }

  async #compareWith(database: Database.Database): Promise<void> {
    expect(findDumpDifference(await dump(database), await dump(this.plain))).toBeUndefined();
    expect(integrity(database)).toBe("ok");
  }
}

function outcome(database: Database.Database, sql: string): Outcome {
  let code: string | undefined;
  try {
    database.exec(sql);
  } catch (error) {
    code = extendedCode(error);
  }
  const [numbers = []] = queryOf(database)("select total_changes(), last_insert_rowid()");
  return [code, database.inTransaction, ...numbers];
}
