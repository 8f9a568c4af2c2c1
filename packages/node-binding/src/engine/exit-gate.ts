/**
 * How a thread that can wait for no promise any more waits until the engine has closed everything:
 * shared memory with a word to wait on, and what there is to say.
 *
 *   0   state: 0 asked, 1 heard, 2 done
 *   4   heard: how long the engine wants at the most, in milliseconds
 *   8   bytes of the text
 *   12  the text, UTF-8: sentences, one a line
 */

const STATE = 0;
const LIMIT = 1;
const LENGTH = 2;
const TEXT_AT = 12;
const TEXT_BYTES_MAX = 16_372;
/** What the word for it can hold: some 24 days. */
const LIMIT_MS_MAX = 2 ** 31 - 1;

const ASKED = 0;
const HEARD = 1;
const DONE = 2;

/** An engine that does not even hear in this time is stuck. */
const HEAR_MS_MAX = 1_000;

export class ExitGate {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer = new SharedArrayBuffer(TEXT_AT + TEXT_BYTES_MAX)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, TEXT_AT / 4);
  }

  /** The engine has heard: what is to be said should it not get done in `limitMs`. */
  hear(limitMs: number, sentences: readonly string[]): void {
    this.#write(sentences);
    this.#words[LIMIT] = Math.min(limitMs, LIMIT_MS_MAX);
    this.#enter(HEARD);
  }

  /** All is closed: what is to be said of it. */
  finish(sentences: readonly string[]): void {
    // Who waits may have given up and read the text already; two texts in one would be worse.
    this.#write(sentences);
    this.#enter(DONE);
  }

  /** Blocks this thread. What there is to say, nothing if all went well. */
  wait(): readonly string[] {
    Atomics.wait(this.#words, STATE, ASKED, HEAR_MS_MAX);
    if (Atomics.load(this.#words, STATE) === HEARD) {
      Atomics.wait(this.#words, STATE, HEARD, this.#words[LIMIT] ?? 0);
    }
    return this.#read();
  }

  #enter(state: number): void {
    Atomics.store(this.#words, STATE, state);
    Atomics.notify(this.#words, STATE);
  }

  #write(sentences: readonly string[]): void {
    const bytes = new TextEncoder().encode(sentences.join("\n")).subarray(0, TEXT_BYTES_MAX);
    new Uint8Array(this.buffer, TEXT_AT, bytes.byteLength).set(bytes);
    Atomics.store(this.#words, LENGTH, bytes.byteLength);
  }

  #read(): string[] {
    const bytes = new Uint8Array(this.buffer, TEXT_AT, Atomics.load(this.#words, LENGTH)).slice();
    return new TextDecoder()
      .decode(bytes)
      .split("\n")
      .filter((line) => line !== "");
  }
}
