/**
 * A process of a machine: what the engine in it waits for reaches it only while it lives.
 *
 * Always true: once it is dead, nothing in it goes on. A promise that it waits for never settles,
 * and what it does in the same breath changes nothing.
 */

import type { Clock, SleepOptions } from "@headwater/vfs-core";
import type { Timer } from "../scheduler.ts";
import type { Machine } from "./machine.ts";

/** Kill the process when it reaches a point for the so-manieth time. */
export interface CrashPlan {
  readonly point: string;
  readonly skip: number;
  readonly losesPower: boolean;
}

export class SimProcess {
  readonly name: string;
  readonly machine: Machine;
  readonly clock: Clock;
  /** Resolves with the reason when it is dead. */
  readonly ended: Promise<string>;
  plan: CrashPlan | undefined;
  /** Told of the point at which the plan came true. */
  onPlannedCrash: (plan: CrashPlan) => void = () => {};
  isDead = false;
  #skipsLeft: number | undefined;
  #end!: (reason: string) => void;

  constructor(machine: Machine, name: string) {
    this.machine = machine;
    this.name = name;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.clock = {
      nowMs: () => machine.nowMs(),
      monotonicMs: () => machine.monotonicMs(),
      sleep: (durationMs, options) => this.#sleep(durationMs, options),
      yield: () => this.wait(0),
    };
  }

  kill(reason: string): void {
    if (this.isDead) return;
    this.isDead = true;
    this.machine.disk.releaseLocks(this);
    this.machine.scheduler.trace(`${this.name} is dead: ${reason}`);
    this.#end(reason);
  }

  /** Every effect on the world passes a point before and after it. False: dead, here or before. */
  reach(point: string): boolean {
    if (this.isDead) return false;
    if (this.plan?.point !== point) return true;
    this.#skipsLeft ??= this.plan.skip;
    this.#skipsLeft -= 1;
    if (this.#skipsLeft >= 0) return true;
    this.onPlannedCrash(this.plan);
    if (this.plan.losesPower) this.machine.losePower();
    else this.kill(`crash ${point}`);
    return false;
  }

  /** Calls after so long, once the machine runs, and only if the process is alive then. */
  after(delayMs: number, label: string | undefined, fire: () => void): Timer {
    const { scheduler } = this.machine;
    return scheduler.after(delayMs, label === undefined ? label : `${this.name} ${label}`, () => {
      this.machine.whenRunning(() => {
        if (!this.isDead) fire();
      });
    });
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, undefined, resolve));
  }

  #sleep(durationMs: number, { signal }: SleepOptions = {}): Promise<void> {
    const { machine } = this;
    const dueMs = machine.monotonicMs() + durationMs;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      let timer: Timer;
      const arm = () => {
        timer = this.after(dueMs - machine.monotonicMs(), undefined, () => {
          if (signal?.aborted) return;
          // The clock may have stood still meanwhile.
          if (dueMs - machine.monotonicMs() > 1e-6) {
            arm();
            return;
          }
          signal?.removeEventListener("abort", onAbort);
          resolve();
        });
      };
      const onAbort = () => {
        machine.scheduler.cancel(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      arm();
    });
  }
}

/** What a dead process waits for. */
export function never<Result>(): Promise<Result> {
  return new Promise(() => {});
}
