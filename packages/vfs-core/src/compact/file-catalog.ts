/**
 * What the compacting holder knows of the files of its replica, without listing all of them anew.
 *
 * It also knows the store's clock, from the same answers.
 *
 * Always true: the holder of the lease alone adds and removes files above level 0, so what it did
 * itself is what changed there; level 0 is asked for what came after its last file. Others who
 * meddle are noticed at the next full listing: every hour, and after each failure.
 */

import { CATALOG_INTERVAL_MS } from "../limits.ts";
import { compareFiles, type LtxFile } from "../ltx-file.ts";
import { listLevel, listLtxFiles } from "../ltx-files.ts";
import { callStore, type Replica } from "../replica.ts";
import type { FilesByLevel } from "../restore-plan.ts";

export class FileCatalog {
  readonly #replica: Replica;
  #levels: LtxFile[][] = [];
  /** When everything was listed last; undefined when it has to be. */
  #listedAtMs: number | undefined;

  /** By how much the store's clock is ahead of our monotonic one; undefined while nobody told. */
  #aheadMs: number | undefined;
  readonly #onServerDate = (serverDateMs: number) => {
    this.#aheadMs = serverDateMs - this.#replica.clock.monotonicMs();
  };

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  /**
   * That moment by the store's clock, or as it is if the store does not tell. Somebody may have set
   * this machine's clock since the store has told.
   */
  toStoreMs(ms: number): number {
    if (this.#aheadMs === undefined) return ms;
    const { clock } = this.#replica;
    return ms - clock.nowMs() + clock.monotonicMs() + this.#aheadMs;
  }

  /** As of the last `refresh` and what was told since. */
  get levels(): FilesByLevel {
    return this.#levels;
  }

  /** Lists everything, if it is time for it. */
  async refresh(signal: AbortSignal | undefined): Promise<void> {
    const replica = this.#replica;
    const nowMs = replica.clock.monotonicMs();
    const ageMs = nowMs - (this.#listedAtMs ?? Number.NEGATIVE_INFINITY);
    if (ageMs < CATALOG_INTERVAL_MS) return;
    const onServerDate = this.#onServerDate;
    const levels = await listLtxFiles(replica, { signal, onServerDate });
    this.#levels = levels.map((files) => [...files]);
    this.#listedAtMs = nowMs;
  }

  /** Lists what came to level 0, unless that is known to reach `txid`. */
  async refreshLevel0(txid: bigint | undefined, signal: AbortSignal | undefined): Promise<void> {
    const replica = this.#replica;
    await this.refresh(signal);
    const newest = this.#levels[0]!.at(-1)?.maxTxid ?? 0n;
    if (txid !== undefined && newest >= txid) return;
    const level0 = this.#levels[0]!;
    const startAfter = level0.at(-1)?.key;
    const options = { signal, startAfter, onServerDate: this.#onServerDate };
    const later = await callStore(replica, () => listLevel(replica, 0, options));
    this.#levels[0] = [...level0, ...later];
  }

  add(file: LtxFile): void {
    const files = this.#levels[file.level]!;
    const at = files.findLastIndex((other) => compareFiles(other, file) < 0) + 1;
    const isKnown = files[at]?.key === file.key;
    files.splice(at, isKnown ? 1 : 0, file);
  }

  remove(gone: readonly LtxFile[]): void {
    const keys = new Set(gone.map(({ key }) => key));
    for (const level of new Set(gone.map((file) => file.level))) {
      this.#levels[level] = this.#levels[level]!.filter(({ key }) => !keys.has(key));
    }
  }

  /** What is known may be wrong: the next `refresh` lists everything. */
  forget(): void {
    this.#listedAtMs = undefined;
  }
}
