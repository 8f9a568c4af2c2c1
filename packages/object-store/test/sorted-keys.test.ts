import { compareKeys } from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import { seededRandom } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { SortedKeys } from "../src/memory/sorted-keys.ts";

describe("sorted keys", () => {
  it.each([1, 2, 3, 4, 5])("are those of a list that is sorted anew (seed %d)", (seed) => {
    const random = seededRandom(seed);
    const pick = (below: number) => Math.floor(random() * below);
    const letters = ["a", "b", "/", "\u{1f600}", "\uffee"];
    const word = () => Array.from({ length: pick(4) }, () => letters[pick(5)]).join("");
    const keys = new SortedKeys();
    const model = new Set<string>();
    for (let step = 0; step < 400; step += 1) {
      const key = `k${word()}`;
      if (model.has(key)) keys.remove(key);
      else keys.add(key);
      if (!model.delete(key)) model.add(key);
      const prefix = pick(2) === 0 ? "" : `k${word()}`;
      const after = pick(2) === 0 ? undefined : `k${word()}`;
      const expected = [...model]
        .sort(compareKeys)
        .filter((each) => each.startsWith(prefix))
        .filter((each) => after === undefined || compareKeys(each, after) > 0);
      expect([...keys.from(prefix, after)]).toEqual(expected);
    }
  });

  it("can change while one walks over them", async () => {
    await using store = new MemoryStore();
    const put = (key: string) => store.put(key, new Uint8Array(1), { condition: { type: "none" } });
    for (const key of ["b", "d", "f", "h"]) await put(key);
    const seen: string[] = [];
    for await (const { key } of store.list("")) {
      seen.push(key);
      if (key === "b") await put("a");
      if (key === "d") await store.deleteMany(["b", "d", "f"]);
      if (key === "h") await put("z");
    }
    expect(seen).toEqual(["b", "d", "h", "z"]);
  });
});
