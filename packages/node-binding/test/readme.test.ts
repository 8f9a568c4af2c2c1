/**
 * The code of the READMEs, run as it is pasted; only the URL of the bucket, the journal
 * and the cache become folders of the test.
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { programFolder } from "./support/recipe.ts";

// Each block is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

const ROOT = new URL("../../../", import.meta.url);

function codeBlocks(readme: string): string[] {
  const text = readFileSync(new URL(readme, ROOT), "utf8");
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
}

function run(folder: string, name: string, code: string): void {
  const file = join(folder, `${name}.ts`);
  const hasImport = code.includes("import ");
  const imports = hasImport ? "" : 'import { openDatabase } from "@headwater/node-binding";\n';
  const local = code
    .replaceAll("s3://bucket/app.db", `file://${folder}/app.db`)
    .replaceAll("/var/lib/app/journal", `${folder}/journal`)
    .replaceAll("/var/cache/app", `${folder}/compiled`);
  writeFileSync(file, imports + local);
  execFileSync(process.execPath, ["--conditions=@headwater/source", "--no-warnings", file], {
    env: { ...process.env, XDG_STATE_HOME: join(folder, "state") },
    stdio: "pipe",
    timeout: 60_000,
  });
}

describe.each(["README.md", "packages/node-binding/README.md"])("the code of %s", (readme) => {
  it("runs as pasted, block after block", () => {
    const blocks = codeBlocks(readme);
    expect(blocks.length).toBeGreaterThan(1);
    const folder = programFolder({ files: new Map() });
    for (const [index, code] of blocks.entries()) run(folder, `block-${index}`, code);
  });
});
