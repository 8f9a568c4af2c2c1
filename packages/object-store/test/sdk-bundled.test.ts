import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";

interface Bundler {
  build(options: object): Promise<{ readonly outputFiles: readonly { readonly text: string }[] }>;
}

/** It comes with the bundler of this repository. */
function loadBundler(): Bundler {
  const require = createRequire(createRequire(import.meta.url).resolve("tsup/package.json"));
  return require("esbuild") as Bundler;
}

it.each([
  ["s3", "@aws-sdk/credential-providers"],
  ["gcs", "@google-cloud/storage"],
])("the SDK of %s need not be installed to bundle a program", async (name, sdk) => {
  const folder = mkdtempSync(join(tmpdir(), "headwater-bundle-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "sdk.cjs");
  copyFileSync(fileURLToPath(new URL(`../src/${name}/sdk.cjs`, import.meta.url)), file);
  const { outputFiles } = await loadBundler().build({
    entryPoints: [file],
    bundle: true,
    platform: "node",
    format: "esm",
    write: false,
    logLevel: "silent",
  });
  expect(outputFiles[0]?.text).toContain(`require("${sdk}")`);
});
