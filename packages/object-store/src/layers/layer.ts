/**
 * What layers share: a store around a store has its name, its place, its abilities, its key layout,
 * and closes it.
 */

import type { KeyLayout, ObjectStore, Supports } from "../object-store.ts";

export abstract class Layer {
  readonly name: string;
  readonly place: string | undefined;
  readonly supports: Supports;
  readonly keyLayout: KeyLayout;
  protected readonly inner: ObjectStore;

  constructor(inner: ObjectStore) {
    this.inner = inner;
    this.name = inner.name;
    this.place = inner.place;
    this.supports = inner.supports;
    this.keyLayout = inner.keyLayout;
  }

  async close(): Promise<void> {
    await this.inner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
