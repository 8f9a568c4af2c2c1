/**
 * The frame of a role: its job from the command line, its reports to the parent, and its failures
 * as one sentence.
 */

import type { MountHandle } from "@headwater/node-binding";
import type { FromRole, RoleJob, ToRole } from "../role-messages.ts";

export interface Role {
  readonly job: RoleJob;
  /** Does one step, with the clock and the count of requests around it, and reports it. */
  step(name: string, work: () => Promise<StepOutcome>): Promise<void>;
  /** Until the parent says that it may go on. */
  waitForParent(): Promise<void>;
}

export interface StepOutcome {
  readonly mount: MountHandle;
  readonly count: number;
  readonly digest?: string;
  /** When the step is not as long as it takes: the milliseconds to report. */
  readonly ms?: number;
}

export async function playRole(play: (role: Role) => Promise<void>): Promise<void> {
  let requestsBefore = 0;
  const role: Role = {
    job: JSON.parse(process.argv[2] ?? "") as RoleJob,
    async step(name, work) {
      const startedAt = performance.now();
      const { mount, count, digest = "", ms } = await work();
      const elapsed = performance.now() - startedAt;
      const requestsNow = await countRequests(mount);
      const requests = requestsNow - requestsBefore;
      requestsBefore = requestsNow;
      tell({ type: "step", report: { step: name, ms: ms ?? elapsed, requests, count, digest } });
    },
    waitForParent: () =>
      new Promise((resolve) => process.once("message", (_: ToRole) => resolve())),
  };
  try {
    await play(role);
  } catch (error) {
    tell({ type: "failed", sentence: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  }
  process.disconnect();
}

async function countRequests(mount: MountHandle): Promise<number> {
  const { requests } = await mount.status();
  return Object.values(requests).reduce((sum, counts) => sum + (counts?.requests ?? 0), 0);
}

function tell(message: FromRole): void {
  process.send?.(message);
}
