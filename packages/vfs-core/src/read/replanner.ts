/**
 * Finds the pages of a version again after files of it were compacted away.
 *
 * Always true: a version's map is only replaced by one of the same transaction. When the files that
 * are left no longer end exactly there, single pages can still be found: those whose newest file is
 * not newer than the version.
 */

import { FileTable } from "../file-table.ts";
import { tryLoadPlan } from "../load-map.ts";
import { listLtxFiles } from "../ltx-files.ts";
import { isSamePlace, type MountState } from "../mount-state.ts";
import type { PageLocation, PageMap } from "../page-map.ts";
import { type Replica, replicaError } from "../replica.ts";
import { planRestore } from "../restore-plan.ts";
import type { Version } from "../versions.ts";
import type { RequestQueue } from "./request-queue.ts";

export interface ReplannerOptions {
  readonly replica: Replica;
  readonly state: MountState;
  readonly queue: RequestQueue;
  readonly signal: AbortSignal;
  readonly onCompacted: () => void;
}

export class Replanner {
  readonly #options: ReplannerOptions;
  /** By the first seq of the version. */
  readonly #running = new Map<number, Promise<void>>();
  /** What was there when a version could not be made again exactly. */
  #later: PageMap | undefined;

  constructor(options: ReplannerOptions) {
    this.#options = options;
  }

  /** Another place of a page as of that pin, where there is one beside the version's own. */
  elsewhere(pgno: number, seq: number): PageLocation | undefined {
    const later = this.#later;
    const { map } = this.#options.state.versions.at(seq);
    // A version that came after it may have another page there.
    if (later === undefined || later.txid < map.txid) return undefined;
    const place = later.find(pgno);
    return place !== undefined && place.file.maxTxid <= map.txid ? place : undefined;
  }

  /** Resolves when the page, whose file is gone, can be looked for again. */
  async replan(pgno: number, seq: number, gone: PageLocation): Promise<void> {
    const { state, replica } = this.#options;
    const here = this.elsewhere(pgno, seq) ?? state.find(pgno, seq).location;
    // Whoever compacts in this mount has moved the page meanwhile.
    if (!isSamePlace(here, gone)) return;
    const version = state.versions.at(seq);
    this.#options.onCompacted();
    let running = this.#running.get(version.fromSeq);
    if (running === undefined) {
      running = this.#run(version).finally(() => this.#running.delete(version.fromSeq));
      this.#running.set(version.fromSeq, running);
    }
    await running;
    if (state.versions.at(seq).map !== version.map) return;
    const other = this.elsewhere(pgno, seq);
    if (other !== undefined && !isSamePlace(other, gone)) return;
    const sentence =
      `the files of transaction ${version.map.txid} were compacted away while it was read; ` +
      "a new transaction sees a newer state";
    throw replicaError(replica, "SNAPSHOT_GONE", sentence);
  }

  async #run(version: Version): Promise<void> {
    const { replica, state, queue, signal } = this.#options;
    const { txid, files, pageCount } = version.map;
    const levels = await listLtxFiles(replica, { signal });
    const exact = planRestore(levels, { type: "txid", txid });
    if (exact.txid === txid && exact.files.length > 0) {
      const loaded = await tryLoadPlan(replica, exact, { queue, files, keepBytes: 0, signal });
      if (loaded !== undefined && loaded.map.pageCount === pageCount) {
        state.versions.replace(version.fromSeq, loaded.map);
        if (state.versions.count === 1) this.#later = undefined;
        return;
      }
    }
    const latest = planRestore(levels, { type: "latest" });
    // A table of its own: these files belong to no version, so nobody else would keep them.
    const apart = { queue, files: new FileTable(), keepBytes: 0, signal };
    const loaded = await tryLoadPlan(replica, latest, apart);
    if (loaded !== undefined && loaded.map.txid >= txid) this.#later = loaded.map;
  }
}
