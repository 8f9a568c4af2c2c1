import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ModuleFacts, moduleFacts } from "../src/module-facts.ts";
import {
  checkChangeset,
  checkCitations,
  checkLinks,
  checkManifest,
  checkReadme,
} from "../src/rule-documents.ts";
import { checkImports, checkLayerList, checkManifestLayers } from "../src/rule-layers.ts";
import { checkBans, checkExports, checkUnused } from "../src/rule-modules.ts";
import { checkSizes } from "../src/rule-sizes.ts";
import { isScript, isVendored, openWorkspace, type Problem } from "../src/workspace.ts";

const workspace = openWorkspace(join(import.meta.dirname, "..", "..", ".."));
const { paths, read } = workspace;
const modules = new Map<string, ModuleFacts>(
  paths
    .filter((path) => isScript(path) && !isVendored(path))
    .map((path) => [path, moduleFacts(path, read(path))]),
);
const manifests = paths.filter((path) => /^packages\/[^/]+\/package\.json$/.test(path));

/** Shows each problem on a line of its own, instead of a difference between two arrays. */
function expectNone(problems: readonly Problem[]): void {
  const lines = problems.map(({ path, message }) => `${path}: ${message}`);
  expect.soft(lines.length, `\n${lines.join("\n")}\n`).toBe(0);
}

function inModules(rule: (path: string, facts: ModuleFacts) => Problem[]): Problem[] {
  return [...modules].flatMap(([path, facts]) => rule(path, facts));
}

describe("the workspace", () => {
  it("has layers in an order without cycles", () => {
    expectNone(checkLayerList());
  });

  it("imports down the layers, inside packages, and only what is declared", () => {
    expectNone(inModules((path, facts) => checkImports(path, facts, workspace)));
  });

  it("depends down the layers in every package.json", () => {
    const all = paths.filter((path) => path.endsWith("/package.json"));
    expectNone(all.flatMap((path) => checkManifestLayers(path, workspace)));
  });

  it("keeps files, lines and functions short", () => {
    expectNone(paths.flatMap((path) => checkSizes(path, read(path))));
  });

  it("uses no banned words outside the files that are allowed to", () => {
    expectNone(inModules((path, facts) => checkBans(path, read(path), facts)));
  });

  it("has indexes that only re-export, and no default exports", () => {
    expectNone(inModules(checkExports));
  });

  it("has no file that nothing imports", () => {
    expectNone(checkUnused(modules, workspace));
  });

  it("has a README with all parts in order in every package", () => {
    const problems = manifests.flatMap((manifest) => {
      const path = manifest.replace("package.json", "README.md");
      const { name } = JSON.parse(read(manifest)) as { name: string };
      return paths.includes(path)
        ? checkReadme(path, name, read(path))
        : [{ path, message: "is missing" }];
    });
    expectNone(problems);
  });

  it("has the same facts in the package.json of every package", () => {
    expectNone(manifests.flatMap((path) => checkManifest(path, read(path))));
  });

  it("cites no line number in a document", () => {
    const documents = paths.filter((path) => path.endsWith(".md"));
    expectNone(documents.flatMap((path) => checkCitations(path, read(path))));
  });

  it("has changesets that a release can read", () => {
    const changesets = paths.filter((path) => /^\.changeset\/.+\.md$/.test(path));
    expectNone(changesets.flatMap((path) => checkChangeset(path, read(path))));
  });

  it("has no document with a link that leads nowhere", () => {
    const documents = paths.filter((path) => path.endsWith(".md"));
    expectNone(documents.flatMap((path) => checkLinks(path, read(path), workspace)));
  });
});
