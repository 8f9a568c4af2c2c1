/**
 * From a listing to a page map: plans, loads the files of the plan at once, applies them in order.
 *
 * Files may go away while this runs (compacted, then deleted) and a listing may show a gap that the
 * next one does not: both start it again, a bounded number of times.
 */

import type { FileTable } from "./file-table.ts";
import { OPEN_RETRY_MS, OPEN_TRIES } from "./limits.ts";
import { type LoadedFile, loadFile } from "./load-file.ts";
import type { LtxFile } from "./ltx-file.ts";
import { listLtxFiles } from "./ltx-files.ts";
import { PageMap, PageMapBuilder } from "./page-map.ts";
import { probePrefix } from "./probe-prefix.ts";
import type { RequestQueue } from "./read/request-queue.ts";
import { callStore, isGone, type Replica, replicaError } from "./replica.ts";
import { type PlanTarget, planRestore, type RestorePlan } from "./restore-plan.ts";

export interface LoadMapOptions {
  readonly queue: RequestQueue;
  readonly files: FileTable;
  readonly target: PlanTarget;
  /** Bytes of whole files that may be kept for their pages; the newest ones are. */
  readonly keepBytes: number;
  readonly signal?: AbortSignal | undefined;
}

export interface LoadedMap {
  readonly map: PageMap;
  /** Zero when there are no files. */
  readonly pageSize: number;
  /** When the last transaction was made. */
  readonly createdAtMs: number | undefined;
  /** Oldest first. Their bodies are there as far as `keepBytes` allows. */
  readonly loaded: readonly LoadedFile[];
}

/** Undefined when nothing at all is there; rejects when something else is. */
export async function loadMap(
  replica: Replica,
  options: LoadMapOptions,
): Promise<LoadedMap | undefined> {
  const end = new AbortController();
  const signals = options.signal === undefined ? [] : [options.signal];
  try {
    const signal = AbortSignal.any([...signals, end.signal]);
    return await tryToLoadMap(replica, { ...options, signal });
  } finally {
    // When one request has failed, the others that were sent with it are of no use.
    end.abort();
  }
}

async function tryToLoadMap(
  replica: Replica,
  options: LoadMapOptions,
): Promise<LoadedMap | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const levels = await listLtxFiles(replica, options);
    const isEmpty = levels.every((level) => level.length === 0);
    if (isEmpty && (await probePrefix(replica, options)) === "nothing") return undefined;
    const plan = planRestore(levels, options.target);
    const problem = findProblem(plan, options.target);
    if (problem === undefined) {
      const result = await tryLoadPlan(replica, plan, options);
      if (result !== undefined) return result;
    }
    if (attempt === OPEN_TRIES) {
      const sentence = problem ?? "files are deleted faster than they can be read";
      throw replicaError(replica, "REPLICA_DAMAGED", sentence);
    }
    await replica.clock.sleep(OPEN_RETRY_MS, { signal: options.signal });
  }
}

/** Loads the files of a plan, or gives undefined when one of them is gone. */
export async function tryLoadPlan(
  replica: Replica,
  plan: RestorePlan,
  options: Omit<LoadMapOptions, "target">,
): Promise<LoadedMap | undefined> {
  const loaded = await tryLoadFiles(replica, plan.files, options);
  if (loaded === undefined) return undefined;
  const builder = new PageMapBuilder(PageMap.empty(options.files));
  const pageSize = requireOnePageSize(replica, loaded);
  for (const { file, pageCount, index } of loaded) builder.apply(file, pageCount, index);
  const createdAtMs = loaded.at(-1)?.file.createdAtMs;
  return { map: builder.build(), pageSize, createdAtMs, loaded };
}

/** All at once, the newest first, so that their bodies are the ones that are kept. */
export async function tryLoadFiles(
  replica: Replica,
  files: readonly LtxFile[],
  options: Omit<LoadMapOptions, "target" | "files">,
): Promise<LoadedFile[] | undefined> {
  let keptBytes = 0;
  const load = async (file: LtxFile): Promise<LoadedFile> => {
    const loaded = await loadFile(replica, file, options);
    const bytes = loaded.body?.byteLength ?? 0;
    if (keptBytes + bytes > options.keepBytes) return { ...loaded, body: undefined };
    keptBytes += bytes;
    return loaded;
  };
  const newestFirst = await callStore(replica, async () => {
    try {
      return await Promise.all(files.toReversed().map(load));
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  });
  return newestFirst?.reverse();
}

export function requireOnePageSize(
  replica: Replica,
  loaded: readonly LoadedFile[],
  expected = loaded[0]?.pageSize ?? 0,
): number {
  for (const { file, pageSize } of loaded) {
    if (pageSize === expected) continue;
    const sentence = `${file.key} has pages of ${pageSize} bytes, others have ${expected}`;
    throw replicaError(replica, "REPLICA_DAMAGED", sentence);
  }
  return expected;
}

function findProblem(plan: RestorePlan, target: PlanTarget): string | undefined {
  if (plan.files.length === 0) {
    if (target.type !== "latest") return "no files reach back to that moment";
    return `no file holds the first transaction; they start at ${plan.gapBefore}`;
  }
  if (target.type === "txid" && plan.txid < target.txid) {
    return `transaction ${target.txid} is not among the files; they end at ${plan.txid}`;
  }
  if (plan.gapBefore === undefined) return undefined;
  return `transactions are missing after ${plan.txid}; the next file starts at ${plan.gapBefore}`;
}
