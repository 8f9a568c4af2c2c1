/**
 * What layers share: a store around a store has its place, its abilities, its key layout, and
 * closes it.
 */

import type { KeyLayout, ObjectStore, Supports } from "../object-store.ts";

export abstract class Layer {
  readonly name: string;
  readonly place: string | undefined;
  readonly supports: Supports;
  readonly keyLayout: KeyLayout;
  protected readonly inner: ObjectStore;

  /** Without a kind, messages name the inner store: for layers that only look on. */
  constructor(kind: string | undefined, inner: ObjectStore) {
    this.inner = inner;
    this.name = kind === undefined ? inner.name : `${kind}(${inner.name})`;
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
