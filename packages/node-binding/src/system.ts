/**
 * The one place where this package reads the environment and the clock.
 */

import { readFileSync } from "node:fs";

/** Linux names each of its starts; sandboxes with a kernel of their own do, too. */
const BOOT_ID_PATH = "/proc/sys/kernel/random/boot_id";
const BOOT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function environment(): NodeJS.ProcessEnv {
  return process.env;
}

/** Different for each start of each machine. Undefined where the system does not tell. */
export function bootId(): string | undefined {
  try {
    const text = readFileSync(BOOT_ID_PATH, "utf8").trim();
    return BOOT_ID.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** When everything is done that this turn of the event loop has begun, promises included. */
export function afterThisTurn(work: () => void): void {
  setImmediate(work);
}

/** Calls `work` again and again until the function that is given back is called. */
export function repeat(intervalMs: number, work: () => void): () => void {
  const timer = setInterval(work, intervalMs);
  return () => clearInterval(timer);
}

/** Calls `work` once, later, unless the thread has ended by then, which it does not keep alive. */
export function later(delayMs: number, work: () => void): void {
  setTimeout(work, delayMs).unref();
}
