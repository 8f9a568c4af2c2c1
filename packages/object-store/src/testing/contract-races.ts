/**
 * Contract, part three: conditions with many callers at once. A store that answers one caller after
 * another correctly may still let two racers win; a lease on such a store holds nobody back.
 */

import { describe, expect, it } from "vitest";
import { ObjectStoreError } from "../errors.ts";
import type { ObjectMeta } from "../object-store.ts";
import type { ContractSettings } from "./contract.ts";
import {
  ALWAYS,
  bytes,
  IF_ABSENT,
  ifVersion,
  increment,
  pattern,
  text,
} from "./contract-helpers.ts";

const RACERS = 20;
const ROUNDS = 3;

export function raceCases({ open }: ContractSettings): void {
  describe("races", () => {
    it(`lets exactly one of ${RACERS} put if absent`, async () => {
      await using store = await open();
      if (!store.supports.conditionalCreate) return;
      for (let round = 0; round < ROUNDS; round += 1) {
        const key = `race/${round}`;
        const winner = await race((racer) => store.put(key, bytes(`racer ${racer}`), IF_ABSENT));
        expect(text((await store.get(key)).body)).toBe(`racer ${winner}`);
      }
    });

    it(`lets exactly one of ${RACERS} put the same version`, async () => {
      await using store = await open();
      if (!store.supports.conditionalUpdate) return;
      let { version } = await store.put("race", bytes("start"), ALWAYS);
      for (let round = 0; round < ROUNDS; round += 1) {
        const before = version;
        const winner = await race((racer) =>
          store.put("race", bytes(`racer ${racer} of ${round}`), ifVersion(before)),
        );
        const { meta, body } = await store.get("race");
        expect(text(body)).toBe(`racer ${winner} of ${round}`);
        version = meta.version;
      }
    });

    it("loses no update when 5 writers race 10 times each", async () => {
      await using store = await open();
      if (!store.supports.conditionalUpdate) return;
      await store.put("count", bytes("0"), ALWAYS);
      const writers = [1, 2, 3, 4, 5];
      await Promise.all(writers.map((writer) => increment(store, "count", 10, writer)));
      expect(text((await store.get("count")).body).split(" ")[0]).toBe("50");
    });

    it("shows readers whole objects only", async () => {
      await using store = await open();
      const versions = [1, 2, 3, 4].map((seed) => pattern(200_000 + seed, seed));
      await store.put("whole", versions[0] as Uint8Array, ALWAYS);
      let writing = true;
      const writer = async () => {
        for (const body of [...versions, ...versions]) await store.put("whole", body, ALWAYS);
        writing = false;
      };
      const reader = async () => {
        while (writing) {
          const { meta, body } = await store.get("whole");
          expect(meta.size).toBe(body.byteLength);
          const expected = versions[body.byteLength - 200_001];
          expect(expected !== undefined && Buffer.compare(body, expected) === 0).toBe(true);
        }
      };
      await Promise.all([writer(), reader(), reader()]);
    });
  });
}

/** The racer that won; fails unless all others were told that they lost or did nothing. */
async function race(start: (racer: number) => Promise<ObjectMeta>): Promise<number> {
  const racers = Array.from({ length: RACERS }, (_, racer) => racer);
  const results = await Promise.allSettled(racers.map(start));
  const winners: number[] = [];
  for (const [racer, result] of results.entries()) {
    if (result.status === "fulfilled") winners.push(racer);
    else expect(hasLost(result.reason), String(result.reason)).toBe(true);
  }
  expect(winners).toHaveLength(1);
  return winners[0] as number;
}

function hasLost(error: unknown): boolean {
  if (ObjectStoreError.is(error, "OBJECT_EXISTS", "OBJECT_CHANGED")) return true;
  return ObjectStoreError.is(error) && error.retry === "after-backoff";
}
