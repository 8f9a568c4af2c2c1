/**
 * What every adapter needs for `close()`: calls are counted, closing waits for them.
 */

import { ObjectStoreError } from "./errors.ts";
import type { CallOptions, Operation } from "./object-store.ts";

export class InFlight {
  readonly #store: string;
  #count = 0;
  #closed = false;
  #waiting: Array<() => void> = [];

  constructor(store: string) {
    this.#store = store;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Runs one call of the store, unless the store is closed or the call was aborted already. */
  async run<Result>(
    operation: Operation,
    { signal }: CallOptions,
    work: () => Promise<Result>,
  ): Promise<Result> {
    if (this.#closed) {
      const message = `${this.#store} is closed`;
      throw new ObjectStoreError("STORE_CLOSED", message, { store: this.#store, operation });
    }
    signal?.throwIfAborted();
    this.#count += 1;
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  /** Closing waits from now on until the function given back is called. For calls within a call. */
  hold(): () => void {
    this.#count += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#release();
      isHeld = false;
    };
  }

  /** Refuses further calls and resolves when none is left. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #release(): void {
    this.#count -= 1;
    if (this.#count === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
