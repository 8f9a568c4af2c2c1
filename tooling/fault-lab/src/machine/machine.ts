/**
 * A machine: clocks that are wrong, that can be set and can stand still, a disk, and one process at
 * a time.
 */

import type { Dice } from "../dice.ts";
import type { Scheduler } from "../scheduler.ts";
import { SimDisk } from "./sim-disk.ts";
import { SimProcess } from "./sim-process.ts";

/**
 * "stopped": both clocks go on, as under SIGSTOP. "asleep": the monotonic clock stands still, as on
 * a laptop. "cut out": both stand still, as in a virtual machine that is moved.
 */
export const FREEZES = ["stopped", "asleep", "cut out"] as const;
export type Freeze = (typeof FREEZES)[number];

const EPOCH_MS = 1_800_000_000_000;

export class Machine {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly disk: SimDisk;
  process: SimProcess | undefined;
  /** What was not flushed may be gone. */
  onPowerLoss: () => void = () => {};
  #processCount = 0;
  #wallOffsetMs: number;
  #asleepMs = 0;
  #frozen: { readonly kind: Freeze; readonly sinceMs: number } | undefined;
  readonly #waiting: (() => void)[] = [];

  constructor(name: string, scheduler: Scheduler, dice: Dice) {
    this.name = name;
    this.scheduler = scheduler;
    this.disk = new SimDisk(dice.fork());
    this.#wallOffsetMs = dice.between(-3_600_000, 3_600_000);
  }

  start(): SimProcess {
    this.process?.kill("replaced");
    this.#processCount += 1;
    this.process = new SimProcess(this, `${this.name}#${this.#processCount}`);
    return this.process;
  }

  losePower(): void {
    this.process?.kill("power lost");
    this.disk.losePower();
    this.onPowerLoss();
  }

  get isFrozen(): boolean {
    return this.#frozen !== undefined;
  }

  freeze(kind: Freeze, durationMs: number): void {
    if (this.isFrozen) return;
    this.#frozen = { kind, sinceMs: this.scheduler.nowMs };
    this.scheduler.after(durationMs, `${this.name} goes on`, () => this.#thaw());
  }

  setWallClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  nowMs(): number {
    const { nowMs } = this.scheduler;
    const stoodMs = this.#frozen?.kind === "cut out" ? nowMs - this.#frozen.sinceMs : 0;
    return EPOCH_MS + nowMs - stoodMs + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    const { nowMs } = this.scheduler;
    const isStanding = this.#frozen !== undefined && this.#frozen.kind !== "stopped";
    const stoodMs = isStanding ? nowMs - this.#frozen!.sinceMs : 0;
    return nowMs - stoodMs - this.#asleepMs;
  }

  /** Answers and timers reach a machine only while it runs. */
  whenRunning(fire: () => void): void {
    if (this.isFrozen) this.#waiting.push(fire);
    else fire();
  }

  #thaw(): void {
    if (this.#frozen === undefined) return;
    const { kind, sinceMs } = this.#frozen;
    const stoodMs = this.scheduler.nowMs - sinceMs;
    if (kind !== "stopped") this.#asleepMs += stoodMs;
    if (kind === "cut out") this.#wallOffsetMs -= stoodMs;
    this.#frozen = undefined;
    for (const fire of this.#waiting.splice(0)) fire();
  }
}
