/**
 * A table whose every row fills a page with bytes that do not compress, so that what is to be
 * uploaded is known: a row changed is a page changed.
 */

import { randomFillSync } from "node:crypto";
import { PAGE_SIZE } from "../../../dataset/schema.ts";
import type { Sql, Statement } from "./session.ts";

/** Two do not fit into a page, and one does without an overflow page. */
const BLOB_BYTES = 3900;
const NOISE_BYTES = 2 ** 23;
const ROWS_PER_TRANSACTION = 500;

export class BlobPages {
  readonly #count: number;
  readonly #noise = randomFillSync(Buffer.allocUnsafe(NOISE_BYTES));
  readonly #begin: Statement;
  readonly #change: Statement;
  readonly #commit: Statement;
  #next = 0;
  #drawn = 0;

  constructor(sql: Sql, count: number) {
    this.#count = count;
    sql.exec("create table blobs(id integer primary key, body blob not null)");
    this.#begin = sql.prepare("begin");
    this.#change = sql.prepare("insert or replace into blobs values (?, ?)");
    this.#commit = sql.prepare("commit");
    for (let row = 0; row < count; row += ROWS_PER_TRANSACTION) {
      this.change(Math.min(ROWS_PER_TRANSACTION, count - row));
    }
  }

  /** In one transaction, the rows that were not changed for longest. Gives back the bytes. */
  change(count: number): number {
    this.#begin.run();
    for (let i = 0; i < count; i += 1) {
      this.#change.run(this.#next, this.#blob());
      this.#next = (this.#next + 1) % this.#count;
    }
    this.#commit.run();
    return count * PAGE_SIZE;
  }

  /** Never the same bytes twice in a run: the step has no common factor with the range. */
  #blob(): Uint8Array {
    this.#drawn = (this.#drawn + BLOB_BYTES + 1) % (NOISE_BYTES - BLOB_BYTES);
    return this.#noise.subarray(this.#drawn, this.#drawn + BLOB_BYTES);
  }
}
