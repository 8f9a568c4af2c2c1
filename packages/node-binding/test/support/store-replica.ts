/**
 * A replica made by hand in any store: the files of a `ReplicaBuilder`, put where a test wants
 * them, whole or not.
 */

import { formatFileName, toTxid } from "@headwater/ltx";
import { openStore } from "@headwater/object-store";
import { onTestFinished } from "vitest";
import { ReplicaBuilder, type ReplicaBuilderOptions } from "./replica-builder.ts";
import type { Place, TestStore } from "./stores.ts";

export type Harm = (sound: Uint8Array) => Uint8Array;

type Opened = Awaited<ReturnType<typeof openStore>>;

export class StoreReplica {
  readonly options: Place["options"];
  readonly #opened: Opened;
  #builder: ReplicaBuilder;

  private constructor({ options }: Place, opened: Opened, builder: ReplicaBuilder) {
    this.options = options;
    this.#opened = opened;
    this.#builder = builder;
  }

  /** Empty. */
  static async open(store: TestStore, options?: ReplicaBuilderOptions): Promise<StoreReplica> {
    const place = store.place();
    const opened = await openStore(place.options.url, place.options.storeOptions);
    onTestFinished(() => opened.store.close());
    return new StoreReplica(place, opened, new ReplicaBuilder(options));
  }

  /** Runs SQL; what it changed is the next transaction, which is not put anywhere. */
  change(sql: string): number {
    return this.#builder.change(sql);
  }

  /** The same, and puts the file at level 0. */
  async commit(sql: string): Promise<number> {
    const txid = this.change(sql);
    await this.put(0, txid);
    return txid;
  }

  bytesOf(min: number, max?: number): Promise<Uint8Array> {
    return this.#builder.bytesOf(min, max);
  }

  /** One file that holds these transactions. */
  async put(level: number, min: number, max = min, harm: Harm = (sound) => sound): Promise<void> {
    const body = harm(await this.bytesOf(min, max));
    const condition = { type: "none" } as const;
    await this.#opened.store.put(this.#keyOf(level, min, max), body, { condition });
  }

  async remove(level: number, min: number, max = min): Promise<void> {
    await this.#opened.store.delete(this.#keyOf(level, min, max));
  }

  /** From now on transactions are of another database, and count from one. */
  beginAnew(): void {
    this.#builder = new ReplicaBuilder();
  }

  #keyOf(level: number, min: number, max: number): string {
    const { store, path } = this.#opened;
    const folder = store.keyLayout === "s3" ? `000${level}` : `ltx/${level}`;
    const name = formatFileName(toTxid(BigInt(min)), toTxid(BigInt(max)));
    return `${path}/${folder}/${name}`.replace(/^\/+/, "");
  }
}
