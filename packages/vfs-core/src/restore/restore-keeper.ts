/**
 * Remembers what a restore has, in memory and now and then on disk.
 *
 * Always true: what is written down was flushed to the disk before (restore-record.ts).
 */

import { writeDurably } from "../disk/durable-file.ts";
import type { ImageHandle } from "../disk/image-files.ts";
import { systemDisk } from "../disk/system-disk.ts";
import { nameObject } from "../hydrate/image-record.ts";
import { RESTORE_KEEP_MS } from "../limits.ts";
import { explainDamage, type LoadedFile } from "../load-file.ts";
import { type Replica, replicaPlace } from "../replica.ts";
import type { RestorePlan } from "../restore-plan.ts";
import { decodeRestoreRecord, encodeRestoreRecord, type PieceSum } from "./restore-record.ts";
import { splitFile } from "./split-file.ts";

interface Subject {
  readonly replica: string;
  readonly pageSize: number;
  readonly base: string;
  readonly txid: bigint;
}

export class RestoreKeeper {
  readonly #replica: Replica;
  readonly #path: string;
  readonly #handle: ImageHandle;
  #subject: Subject | undefined;
  #sums = new Map<number, PieceSum>();
  #keptMs: number;
  #keeping: Promise<void> = Promise.resolve();

  /** `path` is that of the record. */
  constructor(replica: Replica, path: string, handle: ImageHandle) {
    this.#replica = replica;
    this.#path = path;
    this.#handle = handle;
    this.#keptMs = replica.clock.monotonicMs();
  }

  /** By number, the pieces of the plan's first file that need not be fetched. */
  get known(): ReadonlyMap<number, PieceSum> {
    return this.#sums;
  }

  /**
   * Before the first file of a plan is applied. What is in the database file stays if it is of use,
   * and goes if not. Gives the bytes of the file that need not be fetched.
   */
  async begin(base: LoadedFile, plan: RestorePlan): Promise<number> {
    await this.#recall();
    const { file, index, pageSize } = base;
    const name = nameObject(file);
    const before = this.#subject;
    const replica = replicaPlace(this.#replica);
    const isSame =
      before !== undefined &&
      before.replica === replica &&
      before.base === name &&
      before.pageSize === pageSize &&
      before.txid <= plan.txid;
    if (!isSame) await this.forget();
    this.#subject =
      name === undefined ? undefined : { replica, pageSize, base: name, txid: plan.txid };
    try {
      const { pieces } = splitFile(index, pageSize);
      return [...this.#sums.keys()].reduce((sum, at) => sum + (pieces[at]?.length ?? 0), 0);
    } catch (error) {
      throw explainDamage(this.#replica, file, error);
    }
  }

  /** Whatever there is counts for nothing. */
  async forget(): Promise<void> {
    this.#sums.clear();
    await this.#handle.truncate(0);
    await this.#keeping;
    await systemDisk.remove(this.#path);
  }

  async add(number: number, sum: PieceSum): Promise<void> {
    this.#sums.set(number, sum);
    const nowMs = this.#replica.clock.monotonicMs();
    if (nowMs - this.#keptMs < RESTORE_KEEP_MS) return;
    this.#keptMs = nowMs;
    await this.keep();
  }

  /** Writes down what there is. */
  keep(): Promise<void> {
    const done = this.#keeping.then(() => this.#keep());
    this.#keeping = done.catch(() => {});
    return done;
  }

  async #keep(): Promise<void> {
    const subject = this.#subject;
    if (subject === undefined || this.#sums.size === 0) return;
    const pieces = new Map(this.#sums);
    await this.#handle.sync();
    await writeDurably(systemDisk, this.#path, encodeRestoreRecord({ ...subject, pieces }));
  }

  /** Once, what an earlier process has left. */
  async #recall(): Promise<void> {
    if (this.#subject !== undefined) return;
    const text = await systemDisk.read(this.#path);
    const record = text === undefined ? undefined : decodeRestoreRecord(text);
    const { bytesRead } = await this.#handle.read(new Uint8Array(1), 0, 1, 0);
    if (record === undefined || bytesRead === 0) return;
    const { pieces, ...subject } = record;
    this.#subject = subject;
    this.#sums = new Map(pieces);
  }
}
