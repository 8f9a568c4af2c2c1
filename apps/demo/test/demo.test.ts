import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "..", "src", "main.ts");
const RUN_MS_MAX = 90_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;
let temp: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-demo-test-"));
  temp = join(folder, "temp");
  await mkdir(temp);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function demo(...args: readonly string[]): Promise<Ended> {
  const flags = ["--conditions=@headwater/source", "--no-warnings"];
  // NODE_OPTIONS and the like of the test run are not the demo's.
  const env = { PATH: process.env.PATH, HOME: folder, TMPDIR: temp };
  const child = spawn(process.execPath, [...flags, MAIN, ...args], { env });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}

describe("the demo", () => {
  it("shows three processes in one screen and leaves nothing behind", {
    timeout: RUN_MS_MAX,
  }, async () => {
    const { code, stdout, stderr } = await demo();
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(24);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters.
    expect(stdout).not.toMatch(/\u001b/);
    const steps = lines.filter((line) => /\d (s |ms|µs) +\d+$/.test(line));
    expect(steps.map((line) => line.slice(0, 30).trim())).toHaveLength(9);
    expect(new Set(steps.map((line) => line.length)).size).toBe(1);
    expect(stdout).toContain("1,000 rows, the same ones");
    expect(stdout).toContain("1,005 rows, the same ones");
    expect(stdout).toMatch(/The store held \d+ LTX files, \d+\.\d kB\. Nothing of it is left\./);
    expect(await readdir(temp)).toEqual([]);
    expect(await readdir(folder)).toEqual(["temp"]);
  });

  it("keeps the replica where it was told to", { timeout: RUN_MS_MAX }, async () => {
    const store = join(folder, "store");
    const { code, stdout } = await demo("--url", pathToFileURL(store).href, "--keep");
    expect(code).toBe(0);
    const [name = ""] = await readdir(store);
    expect(name).toMatch(/^headwater-demo-/);
    expect(stdout).toContain(name);
    const files = await readdir(join(store, name, "app.db", "ltx", "0"));
    expect(files.filter((file) => file.endsWith(".ltx")).length).toBeGreaterThan(0);
    expect(await readdir(temp)).toEqual([]);
  });

  it("says in one sentence that a store cannot be used", { timeout: RUN_MS_MAX }, async () => {
    for (const url of ["memory:app.db", "gopher://host/app.db"]) {
      const { code, stderr } = await demo("--url", url);
      expect(code).toBe(1);
      expect(stderr.trim()).toMatch(/^The? ?.+\.$|^A .+\.$/);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(await readdir(temp)).toEqual([]);
    }
  });
});
