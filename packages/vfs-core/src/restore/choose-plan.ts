/**
 * From a listing to the files that make the database as of now or of an earlier moment, or a
 * sentence why there are none.
 */

import { HeadwaterError } from "../errors.ts";
import { OPEN_RETRY_MS, OPEN_TRIES } from "../limits.ts";
import { listLtxFiles } from "../ltx-files.ts";
import { findPlanProblem } from "../plan-problem.ts";
import { probePrefix } from "../probe-prefix.ts";
import { type Replica, replicaError } from "../replica.ts";
import {
  type FilesByLevel,
  type PlanTarget,
  planRestore,
  type RestorePlan,
} from "../restore-plan.ts";
import { withoutStrays } from "../strays.ts";
import { MomentPlanner } from "../travel/moment-planner.ts";

const NEVER = new AbortController().signal;

/**
 * Rejects with REPLICA_NOT_FOUND where there is nothing, with REPLICA_DAMAGED where files are
 * missing, and with MOMENT_NOT_FOUND for a moment that no files lead to.
 */
export async function choosePlan(
  replica: Replica,
  target: PlanTarget,
  signal: AbortSignal = NEVER,
): Promise<RestorePlan> {
  if (target.type === "latest") return chooseLatest(replica, signal);
  try {
    return await new MomentPlanner(replica).plan(target, signal);
  } catch (error) {
    // Of no replica at all there is something better to say.
    if (HeadwaterError.is(error, "MOMENT_NOT_FOUND")) await list(replica, signal);
    throw error;
  }
}

async function chooseLatest(replica: Replica, signal: AbortSignal): Promise<RestorePlan> {
  const target = { type: "latest" } as const;
  for (let attempt = 1; ; attempt += 1) {
    const levels = await list(replica, signal);
    const plan = planRestore(withoutStrays(levels), target);
    const problem = findPlanProblem(plan, target);
    if (problem === undefined) return plan;
    // A listing is not a moment: what looks like a gap may be a compaction going on.
    if (attempt === OPEN_TRIES) throw replicaError(replica, "REPLICA_DAMAGED", problem);
    await replica.clock.sleep(OPEN_RETRY_MS, { signal });
  }
}

async function list(replica: Replica, signal: AbortSignal): Promise<FilesByLevel> {
  const levels = await listLtxFiles(replica, { signal });
  const isEmpty = levels.every((files) => files.length === 0);
  if (isEmpty && (await probePrefix(replica, { signal })) === "nothing") {
    throw replicaError(replica, "REPLICA_NOT_FOUND", "there is no replica here; check the URL");
  }
  return levels;
}
