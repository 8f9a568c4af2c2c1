import { expect, it } from "vitest";
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
