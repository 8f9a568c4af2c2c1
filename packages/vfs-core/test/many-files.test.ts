import { formatFileName, toTxid } from "@headwater/ltx";
import type { ObjectMeta } from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import { describe, expect, it } from "vitest";
import { listLtxFiles } from "../src/ltx-files.ts";
import { openOfflineReplica } from "../src/offline/index.ts";
import { choosePlan } from "../src/restore/choose-plan.ts";
import { storeWith } from "./support/store-with.ts";

/** More than a call can have arguments. */
const COUNT = 150_000;

/** A store that lists a file for each of these transactions, made one millisecond apart. */
function listing(txids: readonly number[]) {
  const metas = txids.map((txid): ObjectMeta => {
    const name = formatFileName(toTxid(BigInt(txid)), toTxid(BigInt(txid)));
    return { key: `db/ltx/0/${name}`, size: 200, version: "v", lastModifiedMs: 1000 + txid };
  });
  const plain = new MemoryStore();
  const store = storeWith(plain, {
    supports: { ...plain.supports, listedTimestamp: true },
    async *list(prefix, { startAfter = "" } = {}) {
      for (const meta of metas) {
        if (meta.key.startsWith(prefix) && meta.key > startAfter) yield meta;
      }
    },
  });
  return openOfflineReplica({ store, path: "db", url: "memory:many/db" }).replica;
}

function upTo(count: number, from = 1): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

describe("a replica of very many files", () => {
  it("has a plan for a moment", async () => {
    const replica = listing(upTo(COUNT));
    const target = { type: "timestamp", timestampMs: 1004 } as const;
    const plan = await choosePlan(replica, target);
    expect(plan.files.map(({ minTxid }) => minTxid)).toEqual([1n, 2n, 3n]);
  });

  it("is listed whole, however its files lie", async () => {
    const replica = listing([1, ...upTo(COUNT, 10_000_000)]);
    const [level0 = []] = await listLtxFiles(replica);
    expect(level0.length).toBe(COUNT + 1);
  });
});
