/**
 * The clock, the dice and the name of this process: the only file that touches them, with lease's.
 */

import { hostname } from "node:os";

import { systemClock as leaseClock } from "@headwater/lease";
import type { Clock } from "./clock.ts";

export { systemRandom } from "@headwater/lease";

/** For people who ask who holds a lock. */
export function systemProcess(): { readonly pid: number; readonly host: string } {
  return { pid: process.pid, host: hostname() };
}

/** Whose files are this process's own. Undefined where systems do not say it by number. */
export function systemUser(): number | undefined {
  return process.getuid?.();
}

/** For people who ask who holds a lease. */
export function systemOwner(): string {
  return `${hostname()}:${process.pid}`;
}

export const systemClock: Clock = {
  ...leaseClock,
  yield: () => new Promise((resolve) => setImmediate(resolve)),
};
