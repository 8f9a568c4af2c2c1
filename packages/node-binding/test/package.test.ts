import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

// A package with any license inside, such as LZ4's, is published without the workspace's.
it("the package brings its own license, and that of LZ4", () => {
  expect(read("../LICENSE")).toBe(read("../../../LICENSE"));
  expect(read("../native/lz4/LICENSE")).toContain("Redistribution");
});
