/**
 * SIEVE, alone: which frame leaves when room is needed.
 *
 * Frames stand in a queue in the order of their insertion. A hand moves from the oldest towards the
 * newest, forgives each frame that was used since the hand last came by, and evicts the first that
 * was not. A hit moves nothing.
 *
 * The hand starts again at the oldest before it comes to the frames that were inserted last: they
 * were fetched because somebody is about to read them, and one that dies before it is read costs a
 * request for nothing. Without that, a scan longer than the queue evicts its own read-ahead.
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
  /** The insertions that came before that of a frame. */
  readonly #bornAt: Float64Array;
  readonly #protectedCount: number;
  #insertCount = 0;
  #newest = NONE;
  #oldest = NONE;
  #hand = NONE;
  #count = 0;

  /** `protectedCount`: how many of the last insertions the hand leaves alone. */
  constructor(frameCount: number, takeVisited: TakeVisited, protectedCount = 0) {
    this.#newer = new Int32Array(frameCount).fill(NONE);
    this.#older = new Int32Array(frameCount).fill(NONE);
    this.#takeVisited = takeVisited;
    this.#bornAt = new Float64Array(frameCount);
    this.#protectedCount = protectedCount;
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
    this.#bornAt[frame] = this.#insertCount;
    this.#insertCount += 1;
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
    let frame = this.#orOldest(this.#hand);
    for (let step = 0; step < 2 * this.#count && this.#takeVisited(frame); step += 1) {
      frame = this.#orOldest(this.#newer[frame]!);
    }
    this.#hand = frame;
    this.remove(frame);
    return frame;
  }

  /** Frames stand in the order of insertion, so behind a protected one all are. */
  #orOldest(frame: number): number {
    if (frame === NONE) return this.#oldest;
    const age = this.#insertCount - this.#bornAt[frame]!;
    return age <= this.#protectedCount ? this.#oldest : frame;
  }
}
