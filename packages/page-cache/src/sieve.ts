/**
 * SIEVE, alone: which frame leaves when room is needed.
 *
 * Frames stand in a queue in the order of their insertion. A hand moves from the oldest towards the
 * newest, forgives each frame that was used since the hand last came by, and evicts the first that
 * was not. A hit moves nothing.
 *
 * The hand passes over frames that were inserted ahead of their use, as long as they are among the
 * last insertions: somebody is about to read them, and one that dies before it is read costs a
 * request for nothing. Without that, a scan longer than the queue evicts its own read-ahead. Other
 * frames have no such time: whoever missed them has had them.
 *
 * Always true: a frame is in the queue from `insert` until `evict` returns it or `remove` takes it.
 */

/** Tells whether the frame was used since the last call for it, and forgets it. */
export type TakeVisited = (frame: number) => boolean;

const NONE = -1;

export class Sieve {
  #newer: Int32Array;
  #older: Int32Array;
  readonly #takeVisited: TakeVisited;
  /** The insertions that came before that of a frame; none counts when it was not ahead. */
  #bornAt: Float64Array;
  #protectedCount: number;
  #insertCount = 0;
  #newest = NONE;
  #oldest = NONE;
  #hand = NONE;
  #count = 0;

  /** `protectedCount`: among how many of the last insertions the hand passes over some. */
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

  /** Room for frames below `frameCount`; those in the queue must be. They stay as they are. */
  resize(frameCount: number, protectedCount: number): void {
    this.#newer = resized(this.#newer, new Int32Array(frameCount));
    this.#older = resized(this.#older, new Int32Array(frameCount));
    this.#bornAt = resized(this.#bornAt, new Float64Array(frameCount));
    this.#protectedCount = protectedCount;
  }

  /** `isAhead`: nobody has used it yet, but somebody is about to. */
  insert(frame: number, isAhead = false): void {
    this.#newer[frame] = NONE;
    this.#older[frame] = this.#newest;
    if (this.#newest !== NONE) this.#newer[this.#newest] = frame;
    else this.#oldest = frame;
    this.#newest = frame;
    this.#bornAt[frame] = isAhead ? this.#insertCount : Number.NEGATIVE_INFINITY;
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

  /** `to`, which is not in the queue, takes the place of `from`, which then is not. */
  replace(from: number, to: number): void {
    const newer = this.#newer[from]!;
    const older = this.#older[from]!;
    this.#newer[to] = newer;
    this.#older[to] = older;
    this.#bornAt[to] = this.#bornAt[from]!;
    if (newer !== NONE) this.#older[newer] = to;
    else this.#newest = to;
    if (older !== NONE) this.#newer[older] = to;
    else this.#oldest = to;
    if (this.#hand === from) this.#hand = to;
  }

  /**
   * Takes one frame out of the queue, or returns undefined when it is empty. Readers may set bits
   * while the hand moves, so it stops after two rounds.
   */
  evict(): number | undefined {
    if (this.#count === 0) return undefined;
    let frame = this.#nextFrom(this.#hand);
    for (let step = 0; step < 2 * this.#count && this.#takeVisited(frame); step += 1) {
      frame = this.#nextFrom(this.#newer[frame]!);
    }
    this.#hand = frame;
    this.remove(frame);
    return frame;
  }

  /** The first frame from there on that may be evicted; the oldest if none may. */
  #nextFrom(start: number): number {
    let frame = start;
    for (let step = 0; step <= this.#count; step += 1) {
      if (frame === NONE) frame = this.#oldest;
      if (this.#insertCount - this.#bornAt[frame]! > this.#protectedCount) return frame;
      frame = this.#newer[frame]!;
    }
    return this.#oldest;
  }
}

function resized<Numbers extends Int32Array | Float64Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from.subarray(0, to.length));
  return to;
}
