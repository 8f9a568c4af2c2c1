/**
 * A replica in memory, written with the encoder of @headwater/ltx, and what each page of it must be
 * at each transaction.
 */

import {
  encodeLtx,
  formatFileName,
  mergeLtx,
  toPageCount,
  toPageSize,
  toPgno,
  toTxid,
} from "@headwater/ltx";
import {
  type KeyLayout,
  type ObjectStore,
  type RequestTrace,
  type Supports,
  traced,
} from "@headwater/object-store";
import { MemoryBucket, MemoryStore } from "@headwater/object-store/memory";
import type { Clock } from "../../src/clock.ts";
import { replicaLayout } from "../../src/replica-layout.ts";

export interface WorldOptions {
  readonly pageSize?: number;
  readonly keyLayout?: KeyLayout;
  /** Bytes that do not compress, so that files have the size of their pages. */
  readonly isRandom?: boolean;
  /** Worlds of different salts have nothing in common. */
  readonly salt?: number;
  /** The store's clock. */
  readonly clock?: Clock;
  readonly supports?: Partial<Supports>;
}

interface State {
  readonly pageCount: number;
  readonly pages: ReadonlyMap<number, Uint8Array>;
}

export interface WriteOptions {
  readonly pages: Iterable<number>;
  readonly pageCount?: number;
  readonly timestampMs?: number;
  /** False: the state moves on, but the file of this transaction never came. */
  readonly isPut?: boolean;
}

const PATH = "some/db";

export class World {
  readonly pageSize: number;
  readonly bucket = new MemoryBucket("world");
  readonly store: ObjectStore;
  readonly path = PATH;
  readonly url = `memory:world/${PATH}`;
  /** Requests of everybody who uses `store`. */
  readonly requests: RequestTrace[] = [];
  readonly #plain: ObjectStore;
  readonly #layout;
  readonly #isRandom: boolean;
  readonly #salt: number;
  readonly #states = new Map<number, State>([[0, { pageCount: 0, pages: new Map() }]]);
  #txid = 0;

  constructor(options: WorldOptions = {}) {
    const {
      pageSize = 512,
      keyLayout = "s3",
      isRandom = false,
      salt = 0,
      clock,
      supports,
    } = options;
    this.pageSize = pageSize;
    this.#isRandom = isRandom;
    this.#salt = salt;
    this.#plain = new MemoryStore({ bucket: this.bucket, keyLayout, clock, supports });
    this.store = traced(this.#plain, { onRequest: (trace) => this.requests.push(trace) });
    this.#layout = replicaLayout(keyLayout, PATH);
  }

  get txid(): number {
    return this.#txid;
  }

  /** A level-0 file with new content for these pages. */
  async write({ pages, pageCount, timestampMs = 0, isPut = true }: WriteOptions): Promise<number> {
    const before = this.#states.get(this.#txid)!;
    this.#txid += 1;
    const txid = this.#txid;
    const changed = [...pages].sort((a, b) => a - b);
    const all = new Map(before.pages);
    for (const pgno of changed) all.set(pgno, this.content(pgno, txid));
    const count = pageCount ?? Math.max(before.pageCount, ...changed);
    for (const pgno of all.keys()) if (pgno > count) all.delete(pgno);
    this.#states.set(txid, { pageCount: count, pages: all });
    if (isPut) {
      const body = encodeLtx({
        header: {
          pageSize: toPageSize(this.pageSize),
          commit: toPageCount(count),
          minTxid: toTxid(BigInt(txid)),
          maxTxid: toTxid(BigInt(txid)),
          timestampMs,
        },
        pages: changed
          .filter((pgno) => pgno <= count)
          .map((pgno) => ({ pgno: toPgno(pgno), page: all.get(pgno)! })),
      });
      await this.put(0, txid, txid, body, timestampMs);
    }
    return txid;
  }

  /** Merges files of one level, as compaction does, into one of another. */
  async compact(
    level: number,
    names: readonly (readonly [number, number, number])[],
    timestampMs = 0,
  ): Promise<void> {
    const inputs = await Promise.all(names.map(([from, min, max]) => this.body(from, min, max)));
    const merged = (await mergeLtx(inputs).bytes()).bytes;
    const min = names[0]![1];
    const max = names.at(-1)![2];
    await this.put(level, min, max, merged, timestampMs);
  }

  /** Everything up to the transaction in one file of level 9. */
  async snapshot(txid: number): Promise<void> {
    await this.putState(9, 1, txid);
  }

  /** A file with all pages of a state, whatever its range says. */
  async putState(level: number, min: number, max: number): Promise<void> {
    const { pageCount, pages } = this.#states.get(max)!;
    const sorted = [...pages].sort(([a], [b]) => a - b);
    const body = encodeLtx({
      header: {
        pageSize: toPageSize(this.pageSize),
        commit: toPageCount(pageCount),
        minTxid: toTxid(BigInt(min)),
        maxTxid: toTxid(BigInt(max)),
        timestampMs: 0,
      },
      pages: sorted.map(([pgno, page]) => ({ pgno: toPgno(pgno), page })),
    });
    await this.put(level, min, max, body, 0);
  }

  async put(level: number, min: number, max: number, body: Uint8Array, timestampMs = 0) {
    const condition = { type: "none" } as const;
    await this.#plain.put(this.key(level, min, max), body, { condition, timestampMs });
  }

  async remove(level: number, min: number, max: number): Promise<void> {
    await this.#plain.delete(this.key(level, min, max));
  }

  async body(level: number, min: number, max: number): Promise<Uint8Array> {
    return (await this.#plain.get(this.key(level, min, max))).body;
  }

  key(level: number, min: number, max: number): string {
    const name = formatFileName(toTxid(BigInt(min)), toTxid(BigInt(max)));
    return this.#layout.levelPrefix(level) + name;
  }

  pageCountAt(txid: number): number {
    return this.#states.get(txid)!.pageCount;
  }

  /** Undefined where the state has no such page. */
  pageAt(txid: number, pgno: number): Uint8Array | undefined {
    return this.#states.get(txid)!.pages.get(pgno);
  }

  /** The database file at a transaction. */
  imageAt(txid: number): Uint8Array {
    const { pageCount, pages } = this.#states.get(txid)!;
    const image = new Uint8Array(pageCount * this.pageSize);
    for (const [pgno, page] of pages) image.set(page, (pgno - 1) * this.pageSize);
    return image;
  }

  content(pgno: number, txid: number): Uint8Array {
    const page = new Uint8Array(this.pageSize);
    if (this.#isRandom) {
      let state = (pgno * 2654435761 + txid * 40503) >>> 0;
      for (let at = 0; at < page.length; at += 1) {
        state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
        page[at] = state >>> 24;
      }
    }
    const view = new DataView(page.buffer);
    view.setUint32(0, pgno);
    view.setUint32(4, txid);
    view.setUint32(8, this.#salt);
    return page;
  }
}

/** The pages from one to another. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
