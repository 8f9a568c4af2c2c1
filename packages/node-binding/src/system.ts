/**
 * The one place where this package reads the environment and the clock.
 */

export function environment(): NodeJS.ProcessEnv {
  return process.env;
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
