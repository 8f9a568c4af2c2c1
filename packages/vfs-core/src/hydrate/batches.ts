/**
 * Things that are gathered and then worked off, one batch at a time, while the next one is
 * gathered.
 *
 * Always true: at most one batch is being worked off, in the order of the calls. What a batch
 * rejects with, the next call that waits for it rejects with.
 */

export class Batches<Item> implements AsyncDisposable {
  readonly #work: (items: readonly Item[]) => Promise<void>;
  #items: Item[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(work: (items: readonly Item[]) => Promise<void>) {
    this.#work = work;
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  /** Resolves when the batch before is done, and this one has begun. */
  async write(): Promise<void> {
    const items = this.#items;
    this.#items = [];
    await this.#running;
    this.#running = this.#work(items);
    this.#running.catch(() => {});
  }

  /** Resolves when all are done. */
  end(): Promise<void> {
    return this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.catch(() => {});
  }
}
