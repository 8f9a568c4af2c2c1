/**
 * SIEVE, alone: which frame leaves when room is needed.
 *
 * Frames stand in a queue in the order of their insertion. A hand moves from the oldest towards the
 * newest, forgives each frame that was used since the hand last came by, and evicts the first that
 * was not. After the newest it starts again at the oldest. A hit moves nothing.
 *
 * Always true: a frame is in the queue from `insert` until `evict` returns it or `remove` takes it.
 */

/** Tells whether the frame was used since the last call for it, and forgets it. */
export type TakeVisited = (frame: number) => boolean;

const NONE = -1;

export class Sieve {
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  readonly #takeVisited: TakeVisited;
  #newest = NONE;
  #oldest = NONE;
  #hand = NONE;
  #count = 0;

  constructor(frameCount: number, takeVisited: TakeVisited) {
    this.#newer = new Int32Array(frameCount).fill(NONE);
    this.#older = new Int32Array(frameCount).fill(NONE);
    this.#takeVisited = takeVisited;
  }

  get count(): number {
    return this.#count;
  }

  insert(frame: number): void {
    this.#newer[frame] = NONE;
    this.#older[frame] = this.#newest;
    if (this.#newest !== NONE) this.#newer[this.#newest] = frame;
    else this.#oldest = frame;
    this.#newest = frame;
    this.#count += 1;
  }

  remove(frame: number): void {
    const newer = this.#newer[frame]!;
    const older = this.#older[frame]!;
    if (this.#hand === frame) this.#hand = newer;
    if (newer !== NONE) this.#older[newer] = older;
    else this.#newest = older;
    if (older !== NONE) this.#newer[older] = newer;
    else this.#oldest = newer;
    this.#count -= 1;
  }

  /**
   * Takes one frame out of the queue, or returns undefined when it is empty. Readers may set bits
   * while the hand moves, so it stops after two rounds.
   */
  evict(): number | undefined {
    if (this.#count === 0) return undefined;
    let frame = this.#hand === NONE ? this.#oldest : this.#hand;
    for (let step = 0; step < 2 * this.#count && this.#takeVisited(frame); step += 1) {
      const newer = this.#newer[frame]!;
      frame = newer === NONE ? this.#oldest : newer;
    }
    this.#hand = frame;
    this.remove(frame);
    return frame;
  }
}
