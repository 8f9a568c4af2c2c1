import { ObjectStoreError } from "@headwater/object-store";
import { expect, it } from "vitest";
import { explainStoreFailure, HeadwaterError } from "../src/index.ts";

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

it("a folder that fails is told without a network and credentials, which it has not", () => {
  const cases = [
    ["UNAVAILABLE", "no space left on the device", /disk has room/],
    ["FORBIDDEN", "the file system denies access", /give this user the rights/],
  ] as const;
  for (const [code, why, next] of cases) {
    const failure = new ObjectStoreError(code, why, { store: "file:///folder" });
    const { message } = explainStoreFailure("file:///folder", failure) as HeadwaterError;
    expect(message).toMatch(next);
    expect(message).toContain(why);
    expect(message).not.toMatch(/network|endpoint|credentials/);
    const other = explainStoreFailure("s3://bucket/app.db", failure) as HeadwaterError;
    expect(other.message).toMatch(/network|credentials/);
  }
});
