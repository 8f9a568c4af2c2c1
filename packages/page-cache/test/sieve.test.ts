import { describe, expect, it } from "vitest";
import { Sieve } from "../src/index.ts";
import { seededRandom } from "./random.ts";

/** SIEVE as its authors describe it, on a plain array: newest first. */
class NaiveSieve {
  queue: { frame: number; visited: boolean; bornAt: number; isAhead: boolean }[] = [];
  hand: number | undefined;
  insertCount = 0;
  protectedCount: number;

  constructor(protectedCount: number) {
    this.protectedCount = protectedCount;
  }

  insert(frame: number, isAhead: boolean) {
    this.queue.unshift({ frame, visited: false, bornAt: this.insertCount, isAhead });
    this.insertCount += 1;
  }

  visit(frame: number) {
    this.queue.find((entry) => entry.frame === frame)!.visited = true;
  }

  remove(frame: number) {
    const index = this.queue.findIndex((entry) => entry.frame === frame);
    if (this.hand === frame) this.hand = this.queue[index - 1]?.frame;
    this.queue.splice(index, 1);
  }

  replace(from: number, to: number) {
    this.queue.find((entry) => entry.frame === from)!.frame = to;
    if (this.hand === from) this.hand = to;
  }

  evict(): number | undefined {
    if (this.queue.length === 0) return undefined;
    const isSpared = ({ bornAt, isAhead }: { bornAt: number; isAhead: boolean }) =>
      isAhead && this.insertCount - bornAt <= this.protectedCount;
    const oldest = this.queue.length - 1;
    const nextFrom = (start: number) => {
      const order = [...this.queue.keys()].reverse();
      const from = start < 0 ? order : [...order.filter((at) => at <= start), ...order];
      return from.find((at) => !isSpared(this.queue[at]!)) ?? oldest;
    };
    let index = nextFrom(this.queue.findIndex((entry) => entry.frame === this.hand));
    while (this.queue[index]!.visited) {
      this.queue[index]!.visited = false;
      index = nextFrom(index - 1);
    }
    const { frame } = this.queue[index]!;
    this.hand = this.queue[index - 1]?.frame;
    this.queue.splice(index, 1);
    return frame;
  }
}

describe("Sieve", () => {
  it("evicts the oldest frame that was not used", () => {
    const visited = new Set([0, 2]);
    const sieve = new Sieve(4, (frame) => visited.delete(frame));
    for (const frame of [0, 1, 2, 3]) sieve.insert(frame);
    expect(sieve.evict()).toBe(1);
    expect(sieve.evict()).toBe(3);
    expect(sieve.evict()).toBe(0);
    expect(sieve.evict()).toBe(2);
    expect(sieve.evict()).toBeUndefined();
  });

  it("stops when readers set every bit again at once", () => {
    const sieve = new Sieve(3, () => true);
    for (const frame of [0, 1, 2]) sieve.insert(frame);
    expect(sieve.evict()).toBe(0);
  });

  it("leaves alone what was inserted ahead, so that a scan reads what was fetched for it", () => {
    const frameCount = 64;
    const ahead = frameCount / 4;
    const visited = new Set<number>();
    const sieve = new Sieve(frameCount, (frame) => visited.delete(frame), ahead);
    const pages = new Map<number, number>();
    const free = Array.from({ length: frameCount }, (_, index) => index);
    let lost = 0;
    for (let page = 0; page < 2000; page += 1) {
      const frame = free.pop() ?? sieve.evict()!;
      for (const [other, at] of pages) if (at === frame) pages.delete(other);
      visited.delete(frame);
      sieve.insert(frame, true);
      pages.set(page, frame);
      const read = pages.get(page - ahead + 1);
      if (read === undefined && page >= ahead) lost += 1;
      if (read !== undefined) visited.add(read);
    }
    expect(lost).toBe(0);
  });

  it.each([
    [1, 0],
    [2, 0],
    [3, 8],
    [4, 8],
    [5, 40],
  ])("chooses as the plain version does, seed %i, %i protected", (seed, protectedCount) => {
    {
      const random = seededRandom(seed);
      const visited = new Set<number>();
      const sieve = new Sieve(32, (frame) => visited.delete(frame), protectedCount);
      const naive = new NaiveSieve(protectedCount);
      const free = Array.from({ length: 32 }, (_, index) => index);
      for (let step = 0; step < 20_000; step += 1) {
        const used = naive.queue;
        const choice = random(12);
        if (choice === 10 && used.length > 0 && free.length > 0) {
          const { frame } = used[random(used.length)]!;
          const to = free.pop()!;
          sieve.replace(frame, to);
          naive.replace(frame, to);
          if (visited.delete(frame)) visited.add(to);
          free.push(frame);
        } else if (choice === 11) {
          // Of a frame that is neither here nor there, nothing is asked.
          sieve.resize(32 + random(8), protectedCount);
        } else if (choice < 4 && used.length > 0) {
          const { frame } = used[random(used.length)]!;
          visited.add(frame);
          naive.visit(frame);
        } else if (choice === 4 && used.length > 0) {
          const { frame } = used[random(used.length)]!;
          sieve.remove(frame);
          naive.remove(frame);
          visited.delete(frame);
          free.push(frame);
        } else if (free.length > 0) {
          const frame = free.pop()!;
          const isAhead = random(3) === 0;
          sieve.insert(frame, isAhead);
          naive.insert(frame, isAhead);
        } else {
          const frame = sieve.evict();
          expect(frame).toBe(naive.evict());
          free.push(frame!);
        }
        expect(sieve.count).toBe(naive.queue.length);
      }
    }
  });
});
