/**
 * A replica made by hand in a folder: any files, at any level, in any order.
 *
 * Changes run on an ordinary database file. The pages that a change touched become one LTX file,
 * which lies in the replica when a test puts it there, alone or merged with others.
 */

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  encodeLtx,
  formatFileName,
  mergeLtx,
  type Page,
  type PageEncoding,
  type PageSize,
  toPageCount,
  toPageSize,
  toPgno,
  toTxid,
} from "@headwater/ltx";
import Database from "better-sqlite3";
import { tempDir } from "./temp-dir.ts";

export interface ReplicaBuilderOptions {
  readonly pageSize?: number | undefined;
  readonly autoVacuum?: "none" | "full" | "incremental" | undefined;
  /** Page 1 says that the database is in WAL mode, as that of a Litestream daemon does. */
  readonly isWal?: boolean | undefined;
  /** How pages are compressed: "frame" is what Litestream did before 0.5.16. */
  readonly encoding?: PageEncoding | undefined;
}

const TIMESTAMP_MS = Date.UTC(2026, 0, 1);

export class ReplicaBuilder {
  readonly root: string = tempDir();
  readonly url: string = `file://${this.root}`;
  readonly database: Database.Database;
  /** The ordinary file that the changes run on. */
  readonly databasePath: string = join(tempDir(), "origin.db");
  readonly #pageSize: PageSize;
  readonly #isWal: boolean;
  readonly #encoding: PageEncoding | undefined;
  /** By transaction, from 1 on. */
  readonly #files: Uint8Array[] = [];
  #before: Buffer = Buffer.alloc(0);

  constructor(options: ReplicaBuilderOptions = {}) {
    const { pageSize = 4096, autoVacuum = "none", isWal = false, encoding } = options;
    this.#pageSize = toPageSize(pageSize);
    this.#isWal = isWal;
    this.#encoding = encoding;
    this.database = new Database(this.databasePath);
    this.database.pragma(`page_size = ${pageSize}`);
    this.database.pragma(`auto_vacuum = ${autoVacuum}`);
  }

  /** Runs SQL; what it changed is the next transaction, whose number is returned. */
  change(sql: string): number {
    this.database.exec(sql);
    const now = readFileSync(this.databasePath);
    if (this.#isWal) now.fill(2, 18, 20);
    this.#files.push(this.#encode(this.#before, now));
    this.#before = now;
    return this.#files.length;
  }

  /** The same, and puts the file at level 0. */
  async commit(sql: string): Promise<number> {
    const txid = this.change(sql);
    await this.put(0, txid);
    return txid;
  }

  /** One file that holds these transactions. */
  async put(level: number, min: number, max = min): Promise<void> {
    this.putBytes(level, min, max, await this.bytesOf(min, max));
  }

  /** The same, for a store of another kind. */
  async bytesOf(min: number, max = min): Promise<Uint8Array> {
    const inputs = this.#files.slice(min - 1, max);
    const [only] = inputs;
    if (inputs.length === 1 && only !== undefined) return only;
    return (await mergeLtx(inputs).bytes()).bytes;
  }

  /** When a transaction was made, as its file says. */
  static timeOf(txid: number): number {
    return TIMESTAMP_MS + (txid - 1) * 1000;
  }

  /** As they are in a store: all at once. */
  putBytes(level: number, min: number, max: number, bytes: Uint8Array): void {
    const path = this.pathOf(level, min, max);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.part`, bytes);
    renameSync(`${path}.part`, path);
  }

  remove(level: number, min: number, max = min): void {
    rmSync(this.pathOf(level, min, max));
  }

  pathOf(level: number, min: number, max = min): string {
    const name = formatFileName(toTxid(BigInt(min)), toTxid(BigInt(max)));
    return join(this.root, "ltx", String(level), name);
  }

  #encode(before: Buffer, now: Buffer): Uint8Array {
    const pageSize = this.#pageSize;
    const pages: Page[] = [];
    for (let start = 0; start < now.length; start += pageSize) {
      const page = now.subarray(start, start + pageSize);
      if (page.equals(before.subarray(start, start + pageSize))) continue;
      pages.push({ pgno: toPgno(start / pageSize + 1), page });
    }
    const txid = toTxid(BigInt(this.#files.length + 1));
    return encodeLtx({
      encoding: this.#encoding,
      header: {
        pageSize,
        commit: toPageCount(now.length / pageSize),
        minTxid: txid,
        maxTxid: txid,
        timestampMs: TIMESTAMP_MS + this.#files.length * 1000,
      },
      pages,
    });
  }
}
