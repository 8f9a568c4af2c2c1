import type { ObjectMeta } from "@headwater/object-store";
import { expect, it } from "vitest";
import type { Replica } from "../src/replica.ts";
import { MomentPlanner } from "../src/travel/moment-planner.ts";
import { replicaOf } from "./support/restoring.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";

/** More than a call takes as arguments. */
const COUNT = 140_000;
const START_MS = 1_700_000_000_000;

/** What a listing shows of a replica with a file for each of these transactions. */
function replicaWith(txids: readonly number[]): Replica {
  const world = new World();
  const metas = txids.map((txid): ObjectMeta => {
    const timestampMs = START_MS + txid;
    const lastModifiedMs = timestampMs;
    return { key: world.key(0, txid, txid), size: 200, version: "v", lastModifiedMs, timestampMs };
  });
  const store = storeWith(world.store, {
    async *list(prefix: string, { startAfter = "" }: { readonly startAfter?: string } = {}) {
      for (const meta of metas)
        if (meta.key > startAfter && meta.key.startsWith(prefix)) yield meta;
    },
  });
  return replicaOf(world, { store });
}

it("a moment is found among any number of files", async () => {
  const planner = new MomentPlanner(replicaWith(range(1, COUNT)));
  const moment = { type: "timestamp", timestampMs: START_MS + 5 } as const;
  const { txid } = await planner.plan(moment, new AbortController().signal);
  expect(txid).toBe(4n);
});
