/** The rules themselves: each one sees what it is there to see, and lets pass what is right. */

import { describe, expect, it } from "vitest";
import { moduleFacts } from "../src/module-facts.ts";
import {
  checkChangeset,
  checkCitations,
  checkLinks,
  checkManifest,
  checkReadme,
} from "../src/rule-documents.ts";
import { checkImports, checkManifestLayers } from "../src/rule-layers.ts";
import { checkBans, checkExports, checkUnused } from "../src/rule-modules.ts";
import { checkSizes } from "../src/rule-sizes.ts";
import { fakeWorkspace, type Problem } from "../src/workspace.ts";

const LTX = "packages/ltx/src/x.ts";

function messages(problems: readonly Problem[]): string[] {
  return problems.map((problem) => problem.message);
}

describe("imports", () => {
  const workspace = fakeWorkspace({
    "package.json": '{"devDependencies":{"vitest":"1"}}',
    "packages/ltx/package.json": '{"name":"@headwater/ltx"}',
    "packages/lease/package.json": '{"dependencies":{"@headwater/object-store":"1"}}',
  });
  const imports = (path: string, text: string) =>
    messages(checkImports(path, moduleFacts(path, text), workspace));

  it.each([
    ["a type", 'import type { A } from "@headwater/lease";'],
    ["a re-export", 'export { A } from "@headwater/lease";'],
    ["an import type in a declaration", 'export const a: import("@headwater/lease").A = 1;'],
    ["a late import", 'await import("@headwater/lease");'],
  ])("sees %s that goes up the layers", (_name, text) => {
    expect(imports(LTX, text)).toContain("may not import @headwater/lease: see layers.ts");
  });

  it("lets an import down the layers pass if it is declared", () => {
    const text = 'import { openStore } from "@headwater/object-store/memory";';
    expect(imports("packages/lease/src/x.ts", text)).toEqual([]);
  });

  it("sees what package.json does not declare", () => {
    expect(imports(LTX, 'import "lodash/fp";')).toEqual([
      "imports lodash, which its package.json does not declare",
    ]);
  });

  it("sees a path that leaves the package", () => {
    expect(imports(LTX, 'import "../../lease/src/a.ts";')).toHaveLength(1);
    expect(imports(LTX, 'import "../a.ts"; import "node:fs"; import "vitest";')).toEqual([]);
  });

  it("lets tests, and nothing else, use the private tools for tests", () => {
    const text = 'import { startServer } from "@headwater/servers";';
    const refusal = "may not import @headwater/servers: see layers.ts";
    expect(imports("packages/ltx/test/x.test.ts", text)).not.toContain(refusal);
    expect(imports(LTX, text)).toContain(refusal);
    const path = "packages/ltx/package.json";
    const dependsOn = (group: string) =>
      checkManifestLayers(
        path,
        fakeWorkspace({ [path]: `{"${group}":{"@headwater/servers":"1"}}` }),
      );
    expect(dependsOn("devDependencies")).toEqual([]);
    expect(dependsOn("dependencies")).toHaveLength(1);
  });

  it("lets private tools for tests use those that stand before them", () => {
    const text = 'import { startGcsFake } from "@headwater/gcs-fake";';
    const refusal = "may not import @headwater/gcs-fake: see layers.ts";
    expect(imports("tooling/servers/src/x.ts", text)).not.toContain(refusal);
    const other = 'import { startServer } from "@headwater/servers";';
    expect(imports("tooling/gcs-fake/src/x.ts", other)).toContain(
      "may not import @headwater/servers: see layers.ts",
    );
    expect(imports("tooling/servers/src/x.ts", 'import "@headwater/ltx";')).toContain(
      "may not import @headwater/ltx: see layers.ts",
    );
  });

  it("sees a development dependency that goes up the layers", () => {
    const path = "packages/ltx/package.json";
    const up = fakeWorkspace({ [path]: '{"devDependencies":{"@headwater/vfs-core":"1"}}' });
    expect(checkManifestLayers(path, up)).toHaveLength(1);
  });
});

describe("changesets", () => {
  const check = (text: string) => checkChangeset(".changeset/x.md", text);

  it("have a head that is read literally", () => {
    expect(check('---\n"@headwater/ltx": minor\n"headwater": patch\n---\n\nText.\n')).toEqual([]);
    expect(check('---\n\n## "@headwater/ltx": minor\n\nText.\n')).toHaveLength(1);
    expect(check('---\n\n"@headwater/ltx": minor\n---\n\nText.\n')).toHaveLength(1);
    expect(check('---\n"@headwater/ltx": tiny\n---\n\nText.\n')).toHaveLength(1);
  });
});

describe("sizes", () => {
  it("sees a long file and a long line", () => {
    expect(checkSizes(LTX, "x\n".repeat(501))).toHaveLength(1);
    expect(checkSizes(LTX, "x\n".repeat(500))).toEqual([]);
    expect(checkSizes(LTX, `// ${"x".repeat(98)}\n`)).toHaveLength(1);
  });

  it("sees a long native function", () => {
    const body = (count: number) => `static int f(\n  int a\n){\n${"  a++;\n".repeat(count)}}\n`;
    expect(checkSizes("packages/p/native/a.c", body(71))).toHaveLength(1);
    expect(checkSizes("packages/p/native/a.c", body(70).repeat(2))).toEqual([]);
  });
});

describe("banned words", () => {
  const bans = (path: string, text: string) =>
    messages(checkBans(path, text, moduleFacts(path, text)));

  it.each([
    "Date.now()",
    "new Date()",
    "Math.random()",
    "process.env.HOME",
    "console.log(1)",
    "setTimeout(f, 1)",
    "crypto.randomUUID()",
    "export const a = {} as any;",
    "export enum A { B }",
  ])("sees %s", (text) => {
    expect(bans(LTX, text)).toHaveLength(1);
  });

  it("sees sleep under its other name", () => {
    expect(bans(LTX, 'import { setTimeout as wait } from "node:timers/promises";')).toHaveLength(1);
  });

  it("lets words in comments and strings pass, and a date made of a number", () => {
    expect(bans(LTX, 'const a = "Date.now()"; // console.log\nnew Date(5);')).toEqual([]);
  });

  it("lets tests and programs read the clock, but not run one test alone", () => {
    expect(bans("packages/ltx/test/x.test.ts", "Date.now();")).toEqual([]);
    expect(bans("packages/ltx/test/x.test.ts", "it.only(f);")).toHaveLength(1);
  });

  it("sees a note to finish something", () => {
    expect(bans(LTX, `// ${"FIX"}${"ME"} later`)).toHaveLength(1);
  });
});

describe("exports", () => {
  const exports = (path: string, text: string) => checkExports(path, moduleFacts(path, text));
  const index = "packages/ltx/src/index.ts";

  it("sees an index that does more than list names", () => {
    expect(exports(index, 'export { a } from "./a.ts";\nexport type { B } from "./b.ts";')).toEqual(
      [],
    );
    expect(exports(index, 'export * from "./a.ts";')).toHaveLength(1);
    expect(exports(index, "export const a = 1;")).toHaveLength(1);
  });

  it("sees default exports in both spellings", () => {
    expect(exports(LTX, "export default 1;")).toHaveLength(1);
    expect(exports(LTX, "const a = 1; export { a as default };")).toHaveLength(1);
    expect(exports("packages/ltx/tsup.config.ts", "export default 1;")).toEqual([]);
  });
});

describe("unused files", () => {
  it("sees a file that nothing imports, starts or names", () => {
    const files = {
      "packages/ltx/package.json": '{"exports":{".":"./src/index.ts"}}',
      "packages/ltx/src/index.ts": 'export { a } from "./a.ts";',
      "packages/ltx/src/a.ts": 'new URL("./worker.ts", import.meta.url);',
      "packages/ltx/src/worker.ts": "",
      "packages/ltx/src/forgotten.ts": "",
      "packages/ltx/test/a.test.ts": 'start("helper.ts");',
      "packages/ltx/test/helper.ts": "",
    };
    const scripts = Object.entries(files).filter(([path]) => path.endsWith(".ts"));
    const modules = new Map(scripts.map(([path, text]) => [path, moduleFacts(path, text)]));
    expect(checkUnused(modules, fakeWorkspace(files)).map(({ path }) => path)).toEqual([
      "packages/ltx/src/forgotten.ts",
    ]);
  });
});

describe("documents", () => {
  const readme = [
    "# @headwater/ltx",
    "Reads and writes LTX.",
    "```ts\ndecode(bytes);\n```",
    "## Install",
    "## Use",
    "## Guarantees",
    "## Format",
    "## Limits",
    "## API",
    "## Errors",
    "## Implementing",
  ];

  it("lets a README with all parts in order pass", () => {
    expect(checkReadme("README.md", "@headwater/ltx", readme.join("\n\n"))).toEqual([]);
  });

  it("sees a part that is missing, and one in the wrong place", () => {
    const without = readme.filter((part) => part !== "## Limits").join("\n\n");
    expect(checkReadme("README.md", "@headwater/ltx", without)).toHaveLength(1);
    const swapped = readme.with(3, "## Use").with(4, "## Install").join("\n\n");
    expect(checkReadme("README.md", "@headwater/ltx", swapped)).toHaveLength(1);
  });

  it("sees an example that not every Node.js can run, unless it is said", () => {
    const using = readme.with(2, "```ts\nawait using store = open();\n```");
    expect(checkReadme("README.md", "@headwater/ltx", using.join("\n\n"))).toHaveLength(1);
    const told = using.with(3, "## Install\n\n`await using` in the examples needs Node.js 24.");
    expect(checkReadme("README.md", "@headwater/ltx", told.join("\n\n"))).toEqual([]);
  });

  it("sees package.json fields that differ", () => {
    expect(messages(checkManifest("packages/x/package.json", '{"type":"commonjs"}'))).toHaveLength(
      5,
    );
  });

  it("sees a line number, but not in an example", () => {
    expect(checkCitations("a.md", "See db.go:1589 and\nline 12.")).toHaveLength(2);
    expect(checkCitations("a.md", "```\nat a.ts:12:3\n```\n12 lines")).toEqual([]);
  });

  it("sees a link to a file, a folder or a heading that is not there", () => {
    const workspace = fakeWorkspace({
      "docs/a.md": "",
      "docs/b/c.md": "# What `b` is, and isn't\n```\n# no heading\n```",
    });
    const links = (text: string) => messages(checkLinks("docs/a.md", text, workspace));
    expect(
      links("[c](b/c.md) [b](b) [up](../docs/a.md) [at](b/c.md#what-b-is-and-isnt) [x](#)"),
    ).toEqual(['links to a heading that is not there: "#"']);
    expect(links("[web](https://a.b/c) [mail](mailto:a@b.c) `[no](x)`")).toEqual([]);
    expect(links("[a](b/d.md), [`b`](../b) and\n[c](b/c.md#no-heading)")).toEqual([
      'links to nothing: "b/d.md"',
      'links to nothing: "../b"',
      'links to a heading that is not there: "b/c.md#no-heading"',
    ]);
  });
});
