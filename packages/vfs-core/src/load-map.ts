/**
 * From a listing to a page map: plans, loads the files of the plan at once, applies them in order.
 *
 * However many files there are, only a bounded number of bytes of them is held: what has come is
 * applied as soon as everything older is, and then let go of, but for what is kept for its pages.
 *
 * Files may go away while this runs (compacted, then deleted) and a listing may show a gap that the
 * next one does not: both start it again, a bounded number of times.
 */

import type { FileTable } from "./file-table.ts";
import {
  HEAD_BYTES,
  OPEN_RETRY_MS,
  OPEN_TRIES,
  OPEN_WINDOW_BYTES,
  OPEN_WINDOW_FILES,
  WHOLE_FILE_BYTES,
} from "./limits.ts";
import { type LoadedFile, type LoadFileOptions, loadFile } from "./load-file.ts";
import type { LtxFile } from "./ltx-file.ts";
import { listLtxFiles } from "./ltx-files.ts";
import { OVER } from "./over.ts";
import { PageMap, PageMapBuilder } from "./page-map.ts";
import { findPlanProblem } from "./plan-problem.ts";
import { probePrefix } from "./probe-prefix.ts";
import { callStore, isGone, type Replica, replicaError } from "./replica.ts";
import { type PlanTarget, planRestore, type RestorePlan } from "./restore-plan.ts";
import { withoutStrays } from "./strays.ts";

export interface LoadFilesOptions extends LoadFileOptions {
  /** Bytes of files that may be kept for their pages; the newest ones are. */
  readonly keepBytes: number;
}

export interface LoadPlanOptions extends LoadFilesOptions {
  readonly files: FileTable;
}

export interface LoadMapOptions extends LoadPlanOptions {
  readonly target: PlanTarget;
}

export interface LoadedMap {
  readonly map: PageMap;
  /** Zero when there are no files. */
  readonly pageSize: number;
  /** When the last transaction was made. */
  readonly createdAtMs: number | undefined;
  /** Oldest first: those of which bytes were kept. */
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
    const opening = { priority: "open", headBytes: HEAD_BYTES } as const;
    return await tryToLoadMap(replica, { ...opening, ...options, signal });
  } finally {
    // When one request has failed, the others that were sent with it are of no use.
    end.abort(OVER);
  }
}

async function tryToLoadMap(
  replica: Replica,
  options: LoadMapOptions,
): Promise<LoadedMap | undefined> {
  const { indexes } = options;
  for (let attempt = 1; ; attempt += 1) {
    const listing = listLtxFiles(replica, options);
    const loading = attempt === 1 ? indexes?.load() : undefined;
    const [levels] = await Promise.all([listing, loading]);
    const isEmpty = levels.every((level) => level.length === 0);
    if (isEmpty && (await probePrefix(replica, options)) === "nothing") return undefined;
    const plan = planRestore(withoutStrays(levels), options.target);
    const problem = findPlanProblem(plan, options.target);
    if (problem === undefined) {
      indexes?.begin();
      const result = await tryLoadPlan(replica, plan, options);
      if (result !== undefined) {
        indexes?.save();
        return result;
      }
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
  options: LoadPlanOptions,
): Promise<LoadedMap | undefined> {
  const builder = new PageMapBuilder(PageMap.empty(options.files));
  const kept: LoadedFile[] = [];
  let pageSize: number | undefined;
  let createdAtMs: number | undefined;
  const isWhole = await tryLoadEach(replica, plan.files, options, (loaded) => {
    const { file, pageCount, index, body } = loaded;
    pageSize = requireOnePageSize(replica, [loaded], pageSize);
    // By the file itself: a listing may only tell when the object was put.
    createdAtMs = file.createdAtMs;
    builder.apply(file, pageCount, index);
    options.indexes?.add(loaded);
    if (body !== undefined) kept.push(loaded);
  });
  if (!isWhole) return undefined;
  return { map: builder.build(), pageSize: pageSize ?? 0, createdAtMs, loaded: kept };
}

/** All of them, oldest first, or undefined when one of them is gone. */
export async function tryLoadFiles(
  replica: Replica,
  files: readonly LtxFile[],
  options: LoadFilesOptions,
): Promise<LoadedFile[] | undefined> {
  const all: LoadedFile[] = [];
  const isWhole = await tryLoadEach(replica, files, options, (loaded) => {
    all.push(loaded);
  });
  return isWhole ? all : undefined;
}

/**
 * Gives each file to `take`, oldest first, while those after it are on their way. False when one of
 * them is gone.
 */
function tryLoadEach(
  replica: Replica,
  files: readonly LtxFile[],
  options: LoadFilesOptions,
  take: (loaded: LoadedFile) => void,
): Promise<boolean> {
  return callStore(replica, async () => {
    try {
      await loadEach(replica, files, options, take);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  });
}

function loadEach(
  replica: Replica,
  files: readonly LtxFile[],
  options: LoadFilesOptions,
  take: (loaded: LoadedFile) => void,
): Promise<void> {
  const kept = chooseKept(files, options.keepBytes);
  const landed = new Map<LtxFile, LoadedFile>();
  let takenCount = 0;
  let startedCount = 0;
  let windowBytes = 0;
  return new Promise((resolve, reject) => {
    const start = (file: LtxFile) => {
      startedCount += 1;
      windowBytes += bytesOf(file);
      loadFile(replica, file, options)
        .then((loaded) => {
          landed.set(file, kept.has(file) ? loaded : { ...loaded, body: undefined });
          goOn();
        })
        .catch(reject);
    };
    const goOn = () => {
      for (; takenCount < files.length; takenCount += 1) {
        const file = files[takenCount]!;
        const loaded = landed.get(file);
        if (loaded === undefined) break;
        landed.delete(file);
        windowBytes -= bytesOf(file);
        take(loaded);
      }
      while (startedCount < files.length) {
        const file = files[startedCount]!;
        const hasRoom = windowBytes + bytesOf(file) <= OPEN_WINDOW_BYTES;
        if (startedCount > takenCount && !hasRoom) break;
        if (startedCount - takenCount >= OPEN_WINDOW_FILES) break;
        start(file);
      }
      if (takenCount === files.length) resolve();
    };
    goOn();
  });
}

/** What is held of a file until it is applied, but for the index of a large one. */
function bytesOf({ size }: LtxFile): number {
  return size <= WHOLE_FILE_BYTES ? size : HEAD_BYTES;
}

/** The newest files whose bytes fit. */
function chooseKept(files: readonly LtxFile[], keepBytes: number): Set<LtxFile> {
  const kept = new Set<LtxFile>();
  let bytes = 0;
  for (const file of files.toReversed()) {
    bytes += bytesOf(file);
    if (bytes > keepBytes) break;
    kept.add(file);
  }
  return kept;
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
