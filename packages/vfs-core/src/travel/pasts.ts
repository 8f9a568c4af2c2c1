/**
 * The pasts of one mount that are open.
 *
 * Always true: moments that lead to one transaction, by the same last file, are one past, and so
 * are those that are asked for at once.
 */

import { untilAborted } from "@headwater/object-store";
import { HeadwaterError } from "../errors.ts";
import { FileTable } from "../file-table.ts";
import { HEAD_BYTES, OPEN_TRIES, PASTS_MAX } from "../limits.ts";
import { tryLoadPlan } from "../load-map.ts";
import { objectName } from "../ltx-file.ts";
import type { MountParts } from "../mount-parts.ts";
import type { ReadCounts } from "../page-device.ts";
import type { PageMap } from "../page-map.ts";
import { isStillThere } from "../read/lineage.ts";
import { forPurpose, replicaError } from "../replica.ts";
import type { Moment, RestorePlan } from "../restore-plan.ts";
import type { Versions } from "../versions.ts";
import { MomentPlanner } from "./moment-planner.ts";
import { type Past, PastMount, pastKeepBytes } from "./past.ts";

export interface PastsOptions extends Pick<MountParts, "settings" | "base" | "factory"> {
  /** The newest state of the mount. Of another history it has another table of files. */
  readonly present: () => PageMap;
}

export interface PastStatus {
  readonly name: string;
  readonly txid: bigint;
  readonly createdAtMs: number;
  /** How often SQLite's reads found their page without the engine. */
  readonly reads: ReadCounts;
}

interface Found {
  readonly plan: RestorePlan;
  /** What the present was of before the plan was made. */
  readonly history: FileTable;
}

interface Opening {
  /** Undefined when a file of it has gone meanwhile. */
  readonly done: Promise<PastMount | undefined>;
  waiterCount: number;
}

export class Pasts {
  readonly #options: PastsOptions;
  readonly #planner: MomentPlanner;
  readonly #open = new Map<string, PastMount>();
  readonly #opening = new Map<string, Opening>();
  readonly #end = new AbortController();

  constructor(options: PastsOptions) {
    const { base } = options;
    const replica = forPurpose(base.replica, "travel");
    this.#options = { ...options, base: { ...base, replica } };
    this.#planner = new MomentPlanner(replica);
  }

  status(): PastStatus[] {
    const all = [...this.#open.values()];
    return all.map(({ name, txid, createdAtMs, device }) => {
      return { name, txid, createdAtMs, reads: device.readCounts() };
    });
  }

  /** For compaction, which points them away from files that it deletes. */
  get versions(): Versions[] {
    return [...this.#open.values()].map(({ versions }) => versions);
  }

  /**
   * Rejects with MOMENT_NOT_FOUND when no files lead there, and with the reason of the signal.
   */
  async open(moment: Moment, signal?: AbortSignal): Promise<Past> {
    const signals = signal === undefined ? [] : [signal];
    const either = AbortSignal.any([this.#end.signal, ...signals]);
    // A device tells when it is left; should that not have arrived, this is the next occasion.
    for (const past of this.#open.values()) void past.closeIfUnused();
    for (let attempt = 1; attempt <= OPEN_TRIES; attempt += 1) {
      either.throwIfAborted();
      const { files } = this.#options.present();
      const plan = await untilAborted(this.#planner.plan(moment, either), either);
      const key = keyOf(plan);
      const claim =
        this.#open.get(key)?.claim() ?? (await this.#share(key, { plan, history: files }, either));
      if (claim !== undefined) return claim;
    }
    const sentence = "files of that moment are deleted faster than they can be read";
    throw replicaError(this.#options.base.replica, "SNAPSHOT_GONE", sentence);
  }

  /** For good. */
  async close(reason: HeadwaterError): Promise<void> {
    this.#end.abort(reason);
    await Promise.allSettled([...this.#opening.values()].map(({ done }) => done));
    await Promise.all([...this.#open.values()].map((past) => past.close()));
  }

  async #share(key: string, found: Found, signal: AbortSignal): Promise<Past | undefined> {
    const opening = this.#opening.get(key) ?? this.#begin(key, found);
    opening.waiterCount += 1;
    try {
      return (await untilAborted(opening.done, signal))?.claim();
    } finally {
      opening.waiterCount -= 1;
      // When all have given up, nobody else would let go of it.
      if (opening.waiterCount === 0) {
        opening.done.then((past) => past?.closeIfUnused()).catch(() => {});
      }
    }
  }

  #begin(key: string, found: Found): Opening {
    if (this.#open.size + this.#opening.size >= PASTS_MAX) {
      const sentence = `${PASTS_MAX} moments are open; close one first`;
      throw new HeadwaterError("OPTION_INVALID", sentence);
    }
    const done = this.#load(key, found).finally(() => this.#opening.delete(key));
    const opening: Opening = { done, waiterCount: 0 };
    this.#opening.set(key, opening);
    return opening;
  }

  async #load(key: string, { plan, history }: Found): Promise<PastMount | undefined> {
    const { settings, base } = this.#options;
    const { replica, queue, hedger } = base;
    const { signal } = this.#end;
    const loaded = await tryLoadPlan(replica, plan, {
      queue,
      hedger,
      // A table of its own: nobody else keeps these files.
      files: new FileTable(),
      keepBytes: pastKeepBytes(settings.cacheBytes),
      headBytes: HEAD_BYTES,
      priority: "open",
      signal,
    });
    signal.throwIfAborted();
    if (loaded === undefined) return undefined;
    const name = this.#nameOf(plan);
    const onClosing = () => this.#open.delete(key);
    const isHistoryThere = () => this.#isHistoryThere(history);
    const past = new PastMount({ ...this.#options, name, loaded, isHistoryThere, onClosing });
    try {
      past.activate();
    } catch (error) {
      await past.close();
      throw error;
    }
    this.#open.set(key, past);
    return past;
  }

  /** As long as the present goes on in it, and its newest file is there. */
  async #isHistoryThere(history: FileTable): Promise<boolean> {
    const { base, present } = this.#options;
    const { files, lastFile } = present();
    if (files !== history || lastFile === undefined) return false;
    const { replica, queue } = base;
    return isStillThere(replica, lastFile, { queue, signal: this.#end.signal });
  }

  /** The transaction as it is shown everywhere, after the name of the mount. */
  #nameOf({ txid }: RestorePlan): string {
    const plain = `${this.#options.settings.name}@${txid.toString(16).padStart(16, "0")}`;
    const taken = new Set([...this.#open.values()].map(({ name }) => name));
    let name = plain;
    for (let number = 2; taken.has(name); number += 1) name = `${plain}~${number}`;
    return name;
  }
}

/** The same object as last file, the same history. */
function keyOf({ files }: RestorePlan): string {
  return objectName(files.at(-1)!);
}
