/** The package runs where there is no Node.js: it takes nothing but the language and Uint8Array. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { createContext, runInContext } from "node:vm";
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

interface Bundle {
  readonly metafile: {
    readonly inputs: Readonly<Record<string, unknown>>;
    readonly outputs: Readonly<Record<string, { readonly imports: readonly unknown[] }>>;
  };
  readonly outputFiles: readonly { readonly text: string }[];
}

/** The main entry as one script, `ltx`, made for browsers and the like. */
async function bundle(platform: "browser" | "neutral"): Promise<Bundle> {
  // The bundler that the package is built with.
  const require = createRequire(createRequire(import.meta.url).resolve("tsup"));
  const { build } = require("esbuild") as { build: (options: object) => Promise<Bundle> };
  return build({
    entryPoints: [fileURLToPath(new URL("index.ts", source))],
    bundle: true,
    format: "iife",
    globalName: "ltx",
    platform,
    metafile: true,
    write: false,
    logLevel: "silent",
  });
}

const USE = `(async () => {
  const database = new Uint8Array(4096 * 3).fill(7, 5000, 9000);
  const pageSize = ltx.toPageSize(4096);
  const options = { databaseSize: database.length, pageSize, timestampMs: 0 };
  const { bytes } = await ltx.snapshotDatabase([database], options).bytes();
  ltx.verifyLtx(bytes);
  const frames = ltx.encodeLtx({
    header: ltx.decodeHeader(bytes),
    pages: ltx.decodeLtx(bytes).pages(),
    encoding: "frame",
  });
  const merged = await ltx.mergeLtx([[frames.subarray(0, 999), frames.subarray(999)]]).bytes();
  const restored = await ltx.restoreDatabase([merged.bytes]).bytes();
  if (restored.bytes.some((byte, at) => byte !== database[at])) throw new Error("differs");
  const { index } = ltx.readIndexFromTail(merged.bytes, merged.bytes.length);
  return index.count + " pages, " + ltx.describe(bytes.subarray(0, 110)).problem.code;
})()`;

describe.each(["browser", "neutral"] as const)("the main entry, bundled for %s", (platform) => {
  it("is made of the package's own files and imports nothing", async () => {
    const { metafile } = await bundle(platform);
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.length).toBeGreaterThan(20);
    for (const input of inputs) expect(input).toMatch(/(^|packages\/ltx\/)src\/[a-z0-9-]+\.ts$/);
    expect(Object.values(metafile.outputs).flatMap((output) => output.imports)).toEqual([]);
  });

  it("works where there is only the language", async () => {
    const { outputFiles } = await bundle(platform);
    const context = createContext({});
    const absent = ["process", "Buffer", "global", "require", "setTimeout", "TextEncoder"];
    for (const name of absent) expect(runInContext(`typeof ${name}`, context)).toBe("undefined");
    runInContext(outputFiles[0]?.text ?? "", context);
    expect(await runInContext(USE, context)).toBe("3 pages, TRUNCATED");
  });
});

describe("the main entry", () => {
  it("works in a browser", async ({ skip }) => {
    const folder = mkdtempSync(join(tmpdir(), "headwater-ltx-"));
    try {
      const { outputFiles } = await bundle("browser");
      writeFileSync(join(folder, "ltx.js"), outputFiles[0]?.text ?? "");
      const show = "(text) => { document.body.textContent = text; }";
      const script = `const show = ${show};\n${USE}.then(show, show);`;
      writeFileSync(join(folder, "use.js"), script);
      const page = join(folder, "page.html");
      writeFileSync(page, '<body><script src="ltx.js"></script><script src="use.js"></script>');
      const url = pathToFileURL(page).href;
      const profile = `--user-data-dir=${folder}`;
      const options = ["--headless", "--no-sandbox", "--disable-gpu", profile, "--dump-dom", url];
      const dom = await promisify(execFile)("chromium", options, { timeout: 60_000 }).then(
        ({ stdout }) => stdout,
        ({ code }) => skip(code === "ENOENT", "chromium is not installed"),
      );
      expect(dom).toContain("<body>3 pages, TRUNCATED</body>");
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }, 90_000);

  it("works in an edge worker", async ({ skip }) => {
    const require = createRequire(
      new URL("../../../tooling/servers/package.json", import.meta.url),
    );
    const { Miniflare } = require("miniflare") as { Miniflare: new (options: object) => Worker };
    const { outputFiles } = await bundle("neutral");
    const worker = new Miniflare({
      modules: true,
      compatibilityDate: "2026-01-01",
      script: `${outputFiles[0]?.text}\nexport default {
        fetch: () => ${USE}.then((text) => new Response(text)) };`,
      cf: false,
      telemetry: { enabled: false },
    });
    try {
      await worker.ready.catch(() => skip(true, "workerd does not start here"));
      const answer = await worker.dispatchFetch("http://localhost/");
      expect(await answer.text()).toBe("3 pages, TRUNCATED");
    } finally {
      await worker.dispose();
    }
  }, 90_000);
});

interface Worker {
  readonly ready: Promise<unknown>;
  dispatchFetch(url: string): Promise<{ text(): Promise<string> }>;
  dispose(): Promise<void>;
}
