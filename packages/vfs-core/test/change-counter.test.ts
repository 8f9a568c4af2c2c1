import { describe, expect, it } from "vitest";
import { ChangeCounter } from "../src/change-counter.ts";

it("grows with the transaction", () => {
  const counter = new ChangeCounter();
  expect(counter.at(8n) - counter.at(7n)).toBe(1);
  expect(counter.at(2n ** 32n)).toBe((counter.at(2n ** 32n - 1n) + 1) % 2 ** 32);
});

it("goes on from where another way of counting was", () => {
  const counter = new ChangeCounter();
  counter.goOnFrom(0xffff_ffff, 70n);
  expect(counter.at(70n)).toBe(0xffff_ffff);
  expect(counter.at(72n)).toBe(1);
});

describe("another history", () => {
  const historyOf = (counter: ChangeCounter, txid: bigint) =>
    Math.floor((((counter.at(txid) - Number(txid)) >>> 0) + 2 ** 23) / 2 ** 24) % 256;

  it.each([
    [5n, 6n],
    [5n, 5n],
    [5n, 1n],
    [5n, 4_000n],
    [90_000_000n, 1n],
    [90_000_000n, 90_000_001n],
  ])("has another number and counts on, from transaction %d to %d", (before, after) => {
    const counter = new ChangeCounter();
    const histories = [historyOf(counter, before)];
    for (let count = 0; count < 3; count += 1) {
      const last = counter.at(before);
      counter.goOnInAnother(last, after);
      expect(counter.at(after)).toBeGreaterThan(last);
      histories.push(historyOf(counter, after));
    }
    expect(new Set(histories).size).toBe(4);
  });

  it("is not the one in which commits were counted as well, whatever SQLite counted", () => {
    for (const shown of [3, 1_000_000]) {
      const counter = new ChangeCounter();
      counter.goOnFrom(shown, 1000n);
      expect(historyOf(counter, 1000n)).toBe(0);
      counter.goOnInAnother(shown, 7n);
      expect(historyOf(counter, 7n)).toBe(1);
      expect(counter.at(7n)).toBeGreaterThan(shown);
    }
  });
});
