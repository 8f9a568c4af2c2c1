/**
 * The one place where this package reads the environment and the clock.
 */

export function environment(): NodeJS.ProcessEnv {
  return process.env;
}

/** Calls `work` again and again until the function that is given back is called. */
export function repeat(intervalMs: number, work: () => void): () => void {
  const timer = setInterval(work, intervalMs);
  return () => clearInterval(timer);
}
