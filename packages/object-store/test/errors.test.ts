import { ObjectStoreError, RETRY } from "@headwater/object-store";
import { describe, expect, it } from "vitest";

const options = { store: "memory:", operation: "put", key: "k" } as const;

describe("ObjectStoreError", () => {
  it("says by its code what the caller may do next", () => {
    for (const [code, retry] of Object.entries(RETRY)) {
      expect(new ObjectStoreError(code as keyof typeof RETRY, "text", options).retry).toBe(retry);
    }
    expect(RETRY.OUTCOME_UNKNOWN).toBe("after-check");
  });

  it("is known by its tag, not by its class, and by codes if asked", () => {
    const error = new ObjectStoreError("THROTTLED", "text", options);
    expect(ObjectStoreError.is(error)).toBe(true);
    expect(ObjectStoreError.is(error, "THROTTLED", "UNAVAILABLE")).toBe(true);
    expect(ObjectStoreError.is(error, "FORBIDDEN")).toBe(false);
    const copy = { code: "THROTTLED", [Symbol.for("@headwater/object-store/error")]: true };
    expect(ObjectStoreError.is(copy, "THROTTLED")).toBe(true);
    for (const other of [new Error("x"), null, undefined, "THROTTLED", { code: "THROTTLED" }]) {
      expect(ObjectStoreError.is(other)).toBe(false);
    }
  });

  it("keeps what failed and why", () => {
    const cause = new Error("cause");
    const error = new ObjectStoreError("UNAVAILABLE", "text", { ...options, cause });
    expect(error).toMatchObject({ name: "ObjectStoreError", ...options, cause });
  });
});
