import { describe, expect, it } from "vitest";
import { inParallel } from "../src/in-parallel.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("inParallel", () => {
  it("does everything, in order, so many at a time", async () => {
    const begun: number[] = [];
    let running = 0;
    let most = 0;
    await inParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      begun.push(item);
      running += 1;
      most = Math.max(most, running);
      await turn();
      running -= 1;
    });
    expect([begun, most, running]).toEqual([[1, 2, 3, 4, 5, 6, 7], 3, 0]);
  });

  it("begins nothing after a failure, and ends when nothing is under way", async () => {
    const begun: number[] = [];
    let running = 0;
    const working = inParallel([1, 2, 3, 4, 5], 2, async (item) => {
      begun.push(item);
      running += 1;
      await turn();
      if (item === 2) {
        running -= 1;
        throw new Error("the second");
      }
      await turn();
      running -= 1;
    });
    await expect(working).rejects.toThrow("the second");
    expect(running).toBe(0);
    expect(begun.length).toBeLessThan(5);
  });
});
