/**
 * From a moment to the files that make the database as of then, or a sentence why there are none.
 *
 * Always true: the plan is the one that Litestream makes of the same listing. By time it is
 * everything made before the moment, not at it, as far as an unbroken row of files leads.
 *
 * What it has learned of when objects were made is kept, since that never changes.
 */

import { findReachable } from "../compact/reachable.ts";
import { withExactTimes } from "../exact-times.ts";
import { OPEN_RETRY_MS, SNAPSHOT_LEVEL } from "../limits.ts";
import { type LtxFile, objectName } from "../ltx-file.ts";
import { listLtxFiles } from "../ltx-files.ts";
import { type Replica, replicaError } from "../replica.ts";
import { type FilesByLevel, type Moment, planRestore, type RestorePlan } from "../restore-plan.ts";
import { withoutStrays } from "../strays.ts";

export class MomentPlanner {
  readonly #replica: Replica;
  /** Where a listing does not tell when objects were made: those of the last one. */
  #times = new Map<string, number>();

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  /** Rejects with MOMENT_NOT_FOUND when no files lead there. */
  async plan(moment: Moment, signal: AbortSignal): Promise<RestorePlan> {
    const first = await this.#list(moment, signal);
    const plan = planRestore(first, moment);
    if (!hasGap(first, plan, moment)) return this.#check(first, plan, moment);
    // A listing is not a moment: what looks like a gap may be a compaction going on.
    await this.#replica.clock.sleep(OPEN_RETRY_MS, { signal });
    const second = await this.#list(moment, signal);
    return this.#check(second, planRestore(second, moment), moment);
  }

  async #list(moment: Moment, signal: AbortSignal): Promise<FilesByLevel> {
    const levels = withoutStrays(await listLtxFiles(this.#replica, { signal }));
    if (moment.type === "txid") return levels;
    const snapshots = levels.map((files, level) => (level === SNAPSHOT_LEVEL ? files : []));
    const [base] = (await this.#withTimes(snapshots, signal))
      .flat()
      .filter(({ createdAtMs }) => createdAtMs < moment.timestampMs)
      .slice(-1);
    this.#forget(levels);
    // What the newest snapshot holds takes no part in any plan from there on.
    const needed = levels.map((files) =>
      files.filter((file) => base === undefined || file.maxTxid >= base.maxTxid),
    );
    return this.#withTimes(needed, signal);
  }

  async #withTimes(levels: FilesByLevel, signal: AbortSignal): Promise<FilesByLevel> {
    const { supports } = this.#replica.store;
    if (supports.listedTimestamp) return levels;
    const unknown = levels.map((files) =>
      files.filter((file) => !this.#times.has(objectName(file))),
    );
    const asked = (await withExactTimes(this.#replica, unknown, signal)).flat();
    for (const file of asked) this.#times.set(objectName(file), file.createdAtMs);
    return levels.map((files) =>
      files.flatMap((file) => {
        const createdAtMs = this.#times.get(objectName(file));
        return createdAtMs === undefined ? [] : { ...file, createdAtMs };
      }),
    );
  }

  /** Files that are not listed any more, once they are as many as those that are. */
  #forget(levels: FilesByLevel): void {
    const listed = new Set(levels.flat().map(objectName));
    if (this.#times.size <= 2 * listed.size) return;
    this.#times = new Map([...this.#times].filter(([name]) => listed.has(name)));
  }

  #check(levels: FilesByLevel, plan: RestorePlan, moment: Moment): RestorePlan {
    const problem =
      moment.type === "txid"
        ? findTxidProblem(levels, plan, moment.txid)
        : this.#findTimeProblem(levels, plan, moment.timestampMs);
    if (problem === undefined) return { ...plan, gapBefore: findGap(levels, plan, moment) };
    throw replicaError(this.#replica, "MOMENT_NOT_FOUND", problem);
  }

  #findTimeProblem(
    levels: FilesByLevel,
    plan: RestorePlan,
    timestampMs: number,
  ): string | undefined {
    const files = levels.flat();
    const newestMs = timesOf(files).reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const shown = formatMoment(timestampMs);
    if (files.length > 0 && timestampMs > Math.max(newestMs, this.#replica.clock.nowMs())) {
      const newest = formatMoment(newestMs);
      return `${shown} has not been yet; the newest transaction was made at ${newest}`;
    }
    if (plan.files.length > 0) return undefined;
    const oldest = files.filter(({ minTxid }) => minTxid === 1n);
    if (oldest.length === 0) return "there is nothing in the bucket that could be restored";
    const oldestMs = timesOf(oldest).reduce((a, b) => Math.min(a, b));
    const oldestShown = formatMoment(oldestMs);
    return `no files reach back to ${shown}; the oldest state is that after ${oldestShown}`;
  }
}

/** There may be more of them than a call can have arguments. */
function timesOf(files: readonly LtxFile[]): number[] {
  return files.map(({ createdAtMs }) => createdAtMs);
}

function findTxidProblem(
  levels: FilesByLevel,
  plan: RestorePlan,
  txid: bigint,
): string | undefined {
  if (plan.files.length > 0 && plan.txid === txid) return undefined;
  const reachable = [...findReachable(levels)].sort((a, b) => (a < b ? -1 : 1));
  const before = reachable.findLast((one) => one < txid);
  const after = reachable.find((one) => one > txid);
  if (after === undefined) {
    return before === undefined
      ? "there is nothing in the bucket that could be restored"
      : `transaction ${txid} is not in the bucket, which ends at ${before}`;
  }
  const what = `transaction ${txid} cannot be restored by itself any more`;
  if (before === undefined) return `${what}; the first that can is ${after}`;
  return `${what}, since it was merged with others; those around it are ${before} and ${after}`;
}

/** Whether files of before the moment lie beyond where the plan ends. */
function hasGap(levels: FilesByLevel, plan: RestorePlan, moment: Moment): boolean {
  return findGap(levels, plan, moment) !== undefined;
}

/** Where the first of them starts. */
function findGap(levels: FilesByLevel, { txid }: RestorePlan, moment: Moment): bigint | undefined {
  let first: bigint | undefined;
  for (const { minTxid, maxTxid, createdAtMs } of levels.flat()) {
    const isBefore =
      moment.type === "txid" ? maxTxid <= moment.txid : createdAtMs < moment.timestampMs;
    if (maxTxid <= txid || !isBefore) continue;
    if (first === undefined || minTxid < first) first = minTxid;
  }
  return first;
}

export function formatMoment(timestampMs: number): string {
  const isDate = Math.abs(timestampMs) <= 8.64e15;
  return isDate ? new Date(timestampMs).toISOString() : `${timestampMs} ms`;
}
