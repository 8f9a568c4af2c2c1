/**
 * At most so many at a time; the others wait in the order they came, those in a hurry first.
 */

export class Turns {
  readonly #waiting = new Set<() => void>();
  readonly #hurrying = new Set<() => void>();
  #free: number;

  constructor(parallelMax: number) {
    this.#free = parallelMax;
  }

  /** Runs the work when it is its turn. One whose signal aborts before leaves the line. */
  async run<Result>(
    signal: AbortSignal | undefined,
    work: () => Promise<Result>,
    isInHurry = false,
  ): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal, isInHurry ? this.#hurrying : this.#waiting);
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  /** Resolves when one that ends has left its place to us. */
  async #wait(signal: AbortSignal | undefined, line: Set<() => void>): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const wake = () => {
        line.delete(wake);
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => {
        line.delete(wake);
        reject(signal?.reason);
      };
      line.add(wake);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  #release(): void {
    const [next] = this.#hurrying.size > 0 ? this.#hurrying : this.#waiting;
    if (next === undefined) this.#free += 1;
    else next();
  }
}
