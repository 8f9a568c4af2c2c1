import { expect, it } from "vitest";
import { HeadwaterError } from "../src/index.ts";

it("an error of another copy of this package is one of ours, for instanceof, too", async () => {
  const path = "../src/errors.ts?another-copy";
  const copy = (await import(path)) as { readonly HeadwaterError: typeof HeadwaterError };
  expect(copy.HeadwaterError).not.toBe(HeadwaterError);
  const error = new copy.HeadwaterError("CLOSED", "it was closed");
  expect(error).toBeInstanceOf(HeadwaterError);
  expect(HeadwaterError.is(error, "CLOSED")).toBe(true);
  for (const other of [new Error("any"), { code: "CLOSED" }, null, "text"]) {
    expect(other).not.toBeInstanceOf(HeadwaterError);
  }
});
