import { describe, expect, it } from "vitest";
import { LTX_ERROR_CODES, LtxError } from "../src/index.ts";

describe("LtxError", () => {
  it("has a remedy for every code", () => {
    for (const code of LTX_ERROR_CODES) {
      const { remedy } = new LtxError(code, "because");
      expect(["more-bytes", "other-copy", "newer-reader", "fix-inputs"]).toContain(remedy);
    }
  });

  it("says where", () => {
    const cause = new Error("inner");
    const error = new LtxError("PAGE_INVALID", "because", { offset: 5, field: "pgno", cause });
    expect(error).toMatchObject({ code: "PAGE_INVALID", offset: 5, field: "pgno", cause });
    expect(error.message).toContain("pgno at byte 5");
    expect(new LtxError("CLOSED", "because")).toMatchObject({
      offset: undefined,
      field: undefined,
    });
  });

  it("is known by its tag, also from another copy of the package", () => {
    const tag = Symbol.for("@headwater/ltx/error");
    expect(LtxError.is(new LtxError("CLOSED", "because"))).toBe(true);
    expect(LtxError.is({ [tag]: true })).toBe(true);
    for (const other of [new Error("no"), null, undefined, "text"]) {
      expect(LtxError.is(other)).toBe(false);
    }
  });
});
