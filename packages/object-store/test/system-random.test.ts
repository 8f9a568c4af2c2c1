import { afterEach, expect, it, vi } from "vitest";
import { systemRandom } from "../src/system.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

it("does not go on from what copies of this process have in their memory, too", () => {
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  vi.spyOn(crypto, "getRandomValues").mockImplementation((bytes) => bytes);
  const numbers = Array.from({ length: 100 }, systemRandom);
  expect(new Set(numbers).size).toBe(100);
});

it("gives numbers from 0 up to 1, all over, with more than 48 bits", () => {
  const numbers = Array.from({ length: 2_000 }, systemRandom);
  for (const number of numbers) {
    expect(number).toBeGreaterThanOrEqual(0);
    expect(number).toBeLessThan(1);
  }
  const tenths = new Set(numbers.map((number) => Math.floor(number * 10)));
  expect(tenths.size).toBe(10);
  const isFine = numbers.some((number) => (number * 2 ** 48) % 1 !== 0);
  expect(isFine).toBe(true);
});
