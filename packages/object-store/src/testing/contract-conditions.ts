/**
 * Contract, part two: conditions, one caller at a time.
 */

import { describe, expect, it } from "vitest";
import { ObjectStoreError } from "../errors.ts";
import type { ContractSettings } from "./contract.ts";
import {
  ALWAYS,
  bytes,
  expectBytes,
  expectCode,
  IF_ABSENT,
  ifVersion,
} from "./contract-helpers.ts";

export function conditionCases({ open }: ContractSettings): void {
  describe("conditions", () => {
    it("puts if absent once, until the object is deleted", async () => {
      await using store = await open();
      if (!store.supports.conditionalCreate) {
        await expectCode(store.put("once", bytes("1"), IF_ABSENT), "UNSUPPORTED");
        await expectCode(store.head("once"), "OBJECT_NOT_FOUND");
        return;
      }
      await store.put("once", bytes("first"), IF_ABSENT);
      await expectCode(store.put("once", bytes("second"), IF_ABSENT), "OBJECT_EXISTS");
      await expectCode(store.put("once", bytes("first"), IF_ABSENT), "OBJECT_EXISTS");
      expectBytes((await store.get("once")).body, bytes("first"));
      await store.delete("once");
      await store.put("once", bytes("again"), IF_ABSENT);
      expectBytes((await store.get("once")).body, bytes("again"));
    });

    it("gives the same version from put, get, head and list", async () => {
      await using store = await open();
      const { version } = await store.put("versioned", bytes("1"), ALWAYS);
      expect((await store.get("versioned")).meta.version).toBe(version);
      expect((await store.get("versioned", { range: { offset: 0 } })).meta.version).toBe(version);
      expect((await store.head("versioned")).version).toBe(version);
      for await (const meta of store.list("versioned")) expect(meta.version).toBe(version);
    });

    it("puts if the version is the one named, and only then", async () => {
      await using store = await open();
      const first = await store.put("cas", bytes("1"), ALWAYS);
      if (!store.supports.conditionalUpdate) {
        await expectCode(store.put("cas", bytes("2"), ifVersion(first.version)), "UNSUPPORTED");
        expectBytes((await store.get("cas")).body, bytes("1"));
        return;
      }
      const second = await store.put("cas", bytes("2"), ifVersion(first.version));
      expect(second.version).not.toBe(first.version);
      await expectCode(store.put("cas", bytes("3"), ifVersion(first.version)), "OBJECT_CHANGED");
      expectBytes((await store.get("cas")).body, bytes("2"));
      const { version } = await store.head("cas");
      await store.put("cas", bytes("4"), ifVersion(version));
      expectBytes((await store.get("cas")).body, bytes("4"));
    });

    it("does not bring back an object by its version", async () => {
      await using store = await open();
      if (!store.supports.conditionalUpdate) return;
      const { version } = await store.put("back", bytes("1"), ALWAYS);
      await store.delete("back");
      await expectCode(store.put("back", bytes("2"), ifVersion(version)), "OBJECT_CHANGED");
      await expectCode(store.head("back"), "OBJECT_NOT_FOUND");
      const again = await store.put("back", bytes("3"), ALWAYS);
      expect(again.version).not.toBe(version);
      await expectCode(store.put("back", bytes("4"), ifVersion(version)), "OBJECT_CHANGED");
      expectBytes((await store.get("back")).body, bytes("3"));
    });

    it("deletes if the version is the one named, and only then", async () => {
      await using store = await open();
      const first = await store.put("del", bytes("1"), ALWAYS);
      if (!store.supports.conditionalDelete) {
        await expectCode(store.delete("del", ifVersion(first.version)), "UNSUPPORTED");
        expectBytes((await store.get("del")).body, bytes("1"));
        return;
      }
      const second = await store.put("del", bytes("2"), ALWAYS);
      await expectCode(store.delete("del", ifVersion(first.version)), "OBJECT_CHANGED");
      expectBytes((await store.get("del")).body, bytes("2"));
      await store.delete("del", ifVersion(second.version));
      await expectCode(store.head("del"), "OBJECT_NOT_FOUND");
      // Stores differ in what they say of an object that is gone; both are true.
      const again = await Promise.allSettled([store.delete("del", ifVersion(second.version))]);
      for (const result of again) {
        if (result.status === "rejected") {
          expect(ObjectStoreError.is(result.reason, "OBJECT_CHANGED")).toBe(true);
        }
      }
    });
  });
}
