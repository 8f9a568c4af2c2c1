/** The package runs where there is no Node.js: it takes nothing but the language and Uint8Array. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const source = new URL("../src/", import.meta.url);

describe("the source", () => {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );

  it("imports nothing but itself", () => {
    expect(files.length).toBeGreaterThan(20);
    for (const name of files) {
      const text = readFileSync(new URL(name, source), "utf8");
      const imported = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)];
      for (const [, path] of imported) expect(`${name}: ${path}`).toMatch(/: \.\.?\//);
    }
  });
});

describe("the main entry", () => {
  it("works without the globals of Node.js", () => {
    const code = `
      const { log } = console;
      for (const name of ["Buffer", "process", "global", "setImmediate", "require", "console"]) {
        delete globalThis[name];
        if (name in globalThis) throw new Error(name);
      }
      const ltx = await import("@headwater/ltx");
      const database = new Uint8Array(4096 * 3).fill(7, 5000, 9000);
      const pageSize = ltx.toPageSize(4096);
      const options = { databaseSize: database.length, pageSize, timestampMs: 0 };
      const { bytes } = await ltx.snapshotDatabase([database], options).bytes();
      ltx.verifyLtx(bytes);
      const merged = await ltx.mergeLtx([bytes]).bytes();
      const restored = await ltx.restoreDatabase([merged.bytes]).bytes();
      if (restored.bytes.some((byte, at) => byte !== database[at])) throw new Error("differs");
      log(ltx.describe(bytes).pages.length);
    `;
    const args = ["--conditions=@headwater/source", "--no-warnings", "--input-type=module"];
    const options = { cwd: new URL("..", import.meta.url), encoding: "utf8" } as const;
    const printed = execFileSync(process.execPath, [...args, "--eval", code], options);
    expect(printed).toBe("3\n");
  });
});
