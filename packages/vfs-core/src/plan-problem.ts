/**
 * Why a plan does not lead to what was asked for, in words that follow the replica's name. Pure.
 */

import type { PlanTarget, RestorePlan } from "./restore-plan.ts";

/** Undefined when it does. */
export function findPlanProblem(plan: RestorePlan, target: PlanTarget): string | undefined {
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
