/**
 * Finds the pages of a version again after files of it were compacted away: in the files that took
 * the place of these, or in a plan made anew.
 *
 * Always true:
 *   - A version's map is only replaced by one of the same transaction. When the files that are left
 *     no longer end exactly there, single pages can still be found: those whose newest file is not
 *     newer than the version.
 *   - A listing may be late. What was asked for and not found is gone, though it is listed.
 *   - Files of another history (lineage.ts) are never taken for those of a version.
 */

import { Holders } from "../compact/holders.ts";
import { movePages } from "../compact/move-pages.ts";
import { FileTable } from "../file-table.ts";
import { tryLoadFiles, tryLoadPlan } from "../load-map.ts";
import { isSameFile, type LtxFile } from "../ltx-file.ts";
import { listLtxFiles } from "../ltx-files.ts";
import { isSamePlace, type MountState } from "../mount-state.ts";
import type { PageLocation, PageMap } from "../page-map.ts";
import { type Replica, replicaError } from "../replica.ts";
import { type FilesByLevel, planRestore, type RestorePlan } from "../restore-plan.ts";
import { withoutStrays } from "../strays.ts";
import type { Version } from "../versions.ts";
import { isStillThere } from "./lineage.ts";
import type { RequestQueue } from "./request-queue.ts";

export interface ReplannerOptions {
  readonly replica: Replica;
  readonly state: MountState;
  readonly queue: RequestQueue;
  readonly signal: AbortSignal;
  /** Resolves when the newest version is as new as the files that can be there. Never rejects. */
  readonly onCompacted: () => void | Promise<void>;
  /** Whether the bucket has the history of the versions still, where they cannot tell it. */
  readonly isHistoryThere?: (() => Promise<boolean>) | undefined;
}

export class Replanner {
  readonly #options: ReplannerOptions;
  /** By the first seq of the version. */
  readonly #running = new Map<number, Promise<void>>();
  /** Objects that were asked for in vain just now, whatever a listing shows. */
  readonly #missed = new Set<LtxFile>();
  /** What was there when a version could not be made again, until another one could. */
  #later: { readonly map: PageMap; readonly of: FileTable } | undefined;
  /** Of the versions that could not. Any other has its pages where it says, or is planned anew. */
  readonly #lost = new WeakSet<PageMap>();

  constructor(options: ReplannerOptions) {
    this.#options = options;
  }

  /** Another place of a page as of that pin, where there is one beside the version's own. */
  elsewhere(pgno: number, seq: number): PageLocation | undefined {
    const later = this.#later;
    const { map } = this.#options.state.versions.at(seq);
    if (!this.#lost.has(map)) return undefined;
    // A version that came after it may have another page there.
    if (later?.of !== map.files || later.map.txid < map.txid) return undefined;
    const place = later.map.find(pgno);
    return place !== undefined && place.file.maxTxid <= map.txid ? place : undefined;
  }

  /** Resolves when the page, whose file is gone, can be looked for again. */
  async replan(pgno: number, seq: number, gone: PageLocation): Promise<void> {
    // Whoever compacts in this mount has moved the page meanwhile.
    if (!this.#isGone(pgno, seq, gone)) return;
    this.#missed.add(gone.file);
    try {
      await this.#search(pgno, seq, gone);
    } finally {
      this.#missed.delete(gone.file);
    }
  }

  async #search(pgno: number, seq: number, gone: PageLocation): Promise<void> {
    const { state, replica } = this.#options;
    const healed = this.#options.onCompacted();
    await this.#runOnce(state.versions.at(seq));
    if (!this.#isGone(pgno, seq, gone)) return;
    // What a later version has at the same place can be taken from files that are too new by now.
    await healed;
    await this.#runOnce(state.versions.at(seq));
    if (!this.#isGone(pgno, seq, gone)) return;
    const sentence =
      `the files of transaction ${state.versions.at(seq).map.txid} were compacted away or ` +
      "replaced while it was read; a new transaction sees a newer state";
    throw replicaError(replica, "SNAPSHOT_GONE", sentence);
  }

  #isGone(pgno: number, seq: number, gone: PageLocation): boolean {
    const here = this.elsewhere(pgno, seq) ?? this.#options.state.find(pgno, seq).location;
    return isSamePlace(here, gone);
  }

  /** For all who ask at the same time. */
  async #runOnce({ fromSeq }: Version): Promise<void> {
    let running = this.#running.get(fromSeq);
    if (running === undefined) {
      running = this.#run(fromSeq).finally(() => this.#running.delete(fromSeq));
      this.#running.set(fromSeq, running);
    }
    await running;
  }

  async #run(fromSeq: number): Promise<void> {
    const { replica, state, queue, signal } = this.#options;
    const levels = await listLtxFiles(replica, { signal });
    // Only now: it may have got another map meanwhile, and files of the one before be forgotten.
    const version = state.versions.at(fromSeq);
    const { txid, files } = version.map;
    if (files !== state.versions.newest.map.files) return;
    const sound = withoutStrays(levels);
    const exact = planRestore(sound, { type: "txid", txid });
    const isExact = exact.txid === txid && exact.files.length > 0;
    const filesMax = isExact ? exact.files.length - 1 : Number.POSITIVE_INFINITY;
    if (await this.#move(version, levels, filesMax)) {
      this.#later = undefined;
      return;
    }
    if (isExact && (await this.#replace(version, exact))) return;
    const latest = planRestore(sound, { type: "latest" });
    // A table of its own: these files belong to no version, so nobody else would keep them.
    const apart = { queue, files: new FileTable(), keepBytes: 0, signal };
    const loaded = await tryLoadPlan(replica, latest, apart);
    if (loaded === undefined || loaded.map.txid < txid) return;
    if (!(await this.#isSameHistory(version))) return;
    const lost = state.versions.at(version.fromSeq);
    // Its readers may have ended meanwhile.
    if (lost.fromSeq !== version.fromSeq) return;
    this.#later = { map: loaded.map, of: files };
    this.#lost.add(lost.map);
  }

  /** Gives the version a map made anew, unless it is of another history. False: there is none. */
  async #replace(version: Version, exact: RestorePlan): Promise<boolean> {
    const { replica, state, queue, signal } = this.#options;
    const { files, pageCount } = version.map;
    return files.keepAllFor(async () => {
      const loaded = await tryLoadPlan(replica, exact, { queue, files, keepBytes: 0, signal });
      if (loaded?.map.pageCount !== pageCount) return false;
      if (!(await this.#isSameHistory(version))) return true;
      state.versions.replace(version.fromSeq, loaded.map);
      this.#later = undefined;
      return true;
    });
  }

  /**
   * Points the version, and all others that can, at the files that took the place of those that are
   * gone. False when that would take more files than there may be, or did not find every page.
   */
  async #move(version: Version, levels: FilesByLevel, filesMax: number): Promise<boolean> {
    const { replica, state, queue, signal } = this.#options;
    const gone = findGone(version.map, levels, this.#missed);
    const heirs = findHeirs(gone, levels, state.versions.newest.map.txid);
    if (heirs === undefined || heirs.length > filesMax) return false;
    const loaded = await tryLoadFiles(replica, heirs, { queue, keepBytes: 0, signal });
    if (loaded === undefined || !(await this.#isSameHistory(version))) return false;
    movePages(state.versions, gone, loaded);
    const { map } = state.versions.at(version.fromSeq);
    return findGone(map, levels, this.#missed).length === 0;
  }

  /** After what was read there: whether it goes on from what the version is of. */
  async #isSameHistory({ map }: Version): Promise<boolean> {
    const { replica, state } = this.#options;
    const { files, lastFile } = state.versions.newest.map;
    if (map.files !== files) return false;
    if (lastFile === undefined || (await isStillThere(replica, lastFile, this.#options)))
      return true;
    return (await this.#options.isHistoryThere?.()) ?? false;
  }
}

/** The files of a map that are there no more. */
function findGone(map: PageMap, levels: FilesByLevel, missed: ReadonlySet<LtxFile>): LtxFile[] {
  const listed = new Map(levels.flat().map((file) => [file.key, file]));
  const used = new Set<number>();
  map.collectOrdinals(used);
  return [...used]
    .map((ordinal) => map.files.get(ordinal))
    .filter((file) => {
      const same = listed.get(file.key);
      return same === undefined || missed.has(file) || !isSameFile(same, file);
    });
}

/**
 * Files that hold all that these held and nothing newer than the newest version, in the order of
 * their last transactions; undefined when there is one without.
 */
function findHeirs(
  gone: readonly LtxFile[],
  levels: FilesByLevel,
  newestTxid: bigint,
): LtxFile[] | undefined {
  const heirs = new Set<LtxFile>();
  const holders = levels.slice(1).map((files) => new Holders(files));
  for (const file of gone) {
    const isHeir = ({ minTxid, maxTxid }: LtxFile) =>
      minTxid <= file.minTxid && maxTxid <= newestTxid;
    const found = holders.map((one) => one.findFirst(file.maxTxid, isHeir));
    const heir = found.find((one) => one !== undefined);
    if (heir === undefined) return undefined;
    heirs.add(heir);
  }
  return [...heirs].sort((a, b) => (a.maxTxid < b.maxTxid ? -1 : 1));
}
