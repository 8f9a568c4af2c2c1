import { describe, expect, it } from "vitest";
import { joinPieces } from "../src/join-pieces.ts";
import { CountingClock } from "./support/clock.ts";

describe("joinPieces", () => {
  it("joins in order, and lets the pieces go", async () => {
    const first = Uint8Array.of(1, 2);
    const pieces = [first, new Uint8Array(0), Uint8Array.of(3)];
    expect(await joinPieces(pieces, new CountingClock(0))).toEqual(Uint8Array.of(1, 2, 3));
    expect(pieces).toEqual([]);
    // The memory of it is gone.
    expect(first.byteLength).toBe(0);
    expect(await joinPieces([], new CountingClock(0))).toEqual(new Uint8Array(0));
  });

  it("lets others go first after every megabyte or so", async () => {
    const clock = new CountingClock(0);
    const pieces = Array.from({ length: 80 }, () => new Uint8Array(2 ** 17));
    await joinPieces(pieces, clock);
    expect(clock.turns).toBe(10);
  });
});
