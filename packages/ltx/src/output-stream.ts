/**
 * OutputStream: chunks that are made while they are read, and what was found out by then.
 *
 * It is read once. Leaving the loop early lets go of everything that it reads from.
 */

export class OutputStream<Result> implements AsyncIterable<Uint8Array> {
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  #result: Result | undefined;

  constructor(chunks: AsyncGenerator<Uint8Array, Result, undefined>) {
    this.#chunks = this.#run(chunks);
  }

  /** Undefined until the last chunk has been read. */
  get result(): Result | undefined {
    return this.#result;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#chunks;
  }

  /** Reads everything into one buffer. Not for what may be large. */
  async bytes(): Promise<{ readonly bytes: Uint8Array; readonly result: Result }> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this) chunks.push(chunk);
    return { bytes: concatBytes(chunks), result: this.#result as Result };
  }

  async *#run(
    chunks: AsyncGenerator<Uint8Array, Result, undefined>,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    this.#result = yield* chunks;
  }
}

export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
