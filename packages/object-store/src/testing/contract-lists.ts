/**
 * Contract, part four: listings.
 */

import { describe, expect, it } from "vitest";
import { compareKeys } from "../object-key.ts";
import type { ContractSettings } from "./contract.ts";
import { ALWAYS, bytes, collect, expectCode, inParallel, keysOf } from "./contract-helpers.ts";

export function listCases({ open, listKeyCount }: ContractSettings): void {
  describe("lists", () => {
    it("lists nothing where nothing is", async () => {
      await using store = await open();
      expect(await keysOf(store.list(""))).toEqual([]);
      expect(await keysOf(store.list("no/such/prefix"))).toEqual([]);
    });

    it("tells size, version and time of each object", async () => {
      await using store = await open();
      const put = await store.put("dir/listed", bytes("12345"), ALWAYS);
      const [meta] = await collect(store.list("dir/"));
      expect(meta).toMatchObject({ key: "dir/listed", size: 5, version: put.version });
      expect(Math.abs((meta?.lastModifiedMs ?? 0) - put.lastModifiedMs)).toBeLessThan(60_000);
    });

    it("lists in the order of the keys' UTF-8 bytes", async () => {
      await using store = await open();
      const keys = ["a-b", "a.c", "a/b", "a/b-c", "a0", "aB", "ab/c", "\ufb01", "\u{1f600}", "Z"];
      await inParallel(keys, 4, (key) => store.put(key, bytes(key), ALWAYS));
      const listed = await keysOf(store.list(""));
      const expected = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(listed).toEqual(expected);
      expect(keys.toSorted(compareKeys)).toEqual(expected);
    });

    it("lists what starts with the prefix, at a slash or not", async () => {
      await using store = await open();
      const keys = ["p/1", "p/2/x", "p/20", "p1", "q/1"];
      for (const key of keys) await store.put(key, bytes(key), ALWAYS);
      expect(await keysOf(store.list("p/"))).toEqual(["p/1", "p/2/x", "p/20"]);
      expect(await keysOf(store.list("p/2"))).toEqual(["p/2/x", "p/20"]);
      expect(await keysOf(store.list("p"))).toEqual(["p/1", "p/2/x", "p/20", "p1"]);
      expect(await keysOf(store.list("p/1"))).toEqual(["p/1"]);
      expect(await keysOf(store.list("../"))).toEqual([]);
    });

    it("starts after a key, whether there is such a key or not", async () => {
      await using store = await open();
      const keys = ["d/1", "d/2", "d/3/x", "d/3/y", "d/4"];
      for (const key of keys) await store.put(key, bytes(key), ALWAYS);
      const keysAfter = (startAfter: string) => keysOf(store.list("d/", { startAfter }));
      expect(await keysAfter("d/2")).toEqual(["d/3/x", "d/3/y", "d/4"]);
      expect(await keysAfter("d/20")).toEqual(["d/3/x", "d/3/y", "d/4"]);
      expect(await keysAfter("d/3/x")).toEqual(["d/3/y", "d/4"]);
      expect(await keysAfter("d/3/z")).toEqual(["d/4"]);
      expect(await keysAfter("d/4")).toEqual([]);
      expect(await keysAfter("a")).toEqual(keys);
      expect(await keysAfter("z")).toEqual([]);
    });

    it(`lists ${listKeyCount} keys, deletes them, and takes no other`, async () => {
      await using store = await open();
      const keys = Array.from(
        { length: listKeyCount },
        (_, n) => `many/${1_000_000 + n} +%25&<\u00e9`,
      );
      await store.put("many.not", bytes("1"), ALWAYS);
      await inParallel(keys, 32, (key) => store.put(key, bytes(key), ALWAYS));
      expect(await keysOf(store.list("many/"))).toEqual(keys);
      const startAfter = keys[50] as string;
      expect(await keysOf(store.list("many/", { startAfter }))).toEqual(keys.slice(51));
      await store.deleteMany(keys);
      expect(await keysOf(store.list("many"))).toEqual(["many.not"]);
    });

    it("can be left in the middle and started again", async () => {
      await using store = await open();
      for (const key of ["1", "2", "3"]) await store.put(key, bytes(key), ALWAYS);
      for await (const { key } of store.list("")) {
        expect(key).toBe("1");
        break;
      }
      expect(await keysOf(store.list(""))).toEqual(["1", "2", "3"]);
    });

    it("throws on prefixes that no key can have", async () => {
      await using store = await open();
      await expect(keysOf(store.list("nul\0"))).rejects.toBeInstanceOf(RangeError);
      await expectCode(store.head("x"), "OBJECT_NOT_FOUND");
    });
  });
}
