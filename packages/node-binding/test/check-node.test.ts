import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";

const INDEX = new URL("../src/index.ts", import.meta.url).href;

/** Loads the package in a process that says it is of that version. */
function load(version: string) {
  const program = `
    Object.defineProperty(process.versions, "node", { value: "${version}" });
    await import("${INDEX}").catch((error) => console.log(error.message));
  `;
  const options = ["--conditions=@headwater/source", "--no-warnings", "--input-type=module"];
  return spawnSync(process.execPath, [...options, "-e", program], { encoding: "utf8" });
}

describe("an older Node.js", () => {
  it("is told in one sentence what is needed", () => {
    const { stdout, status } = load("20.20.2");
    expect(stdout).toMatch(/^@headwater\/node-binding needs Node\.js 22 or newer; this is v\S+\n$/);
    expect(status).toBe(0);
  });

  it("is not held against a newer one", () => {
    expect(load("22.12.0")).toMatchObject({ stdout: "", status: 0 });
  });
});
