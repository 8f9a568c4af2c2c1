/**
 * Imports go down the list of layers, stay inside their package, and are declared where they are
 * used.
 */

import { posix } from "node:path";
import { ABOVE_ALL_LAYERS, LAYERS, SCOPE, TEST_TOOLS } from "./layers.ts";
import type { ModuleFacts } from "./module-facts.ts";
import { isTest, type Problem, packageFolder, type Workspace } from "./workspace.ts";

interface Manifest {
  readonly name?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A list that contradicts itself would allow anything. */
export function checkLayerList(): Problem[] {
  const problems: Problem[] = [];
  const below = new Set<string>();
  for (const { name, imports } of LAYERS) {
    for (const imported of imports) {
      if (below.has(imported)) continue;
      const message = `${name} imports ${imported}, which does not stand before it`;
      problems.push({ path: "tooling/tidy/src/layers.ts", message });
    }
    below.add(name);
  }
  return problems;
}

/** The names after the scope of ours that the code at `path` may import. */
function allowedAt(path: string, forTests: boolean): readonly string[] {
  const folder = packageFolder(path);
  const tools = forTests ? TEST_TOOLS : [];
  const place = TEST_TOOLS.findIndex((tool) => folder === `tooling/${tool}`);
  if (place >= 0) return TEST_TOOLS.slice(0, place);
  if (ABOVE_ALL_LAYERS.some((prefix) => path.startsWith(prefix))) {
    return [...LAYERS.map((layer) => layer.name), ...TEST_TOOLS];
  }
  const name = folder.replace("packages/", "");
  return [...(LAYERS.find((layer) => layer.name === name)?.imports ?? []), ...tools];
}

export function checkImports(path: string, facts: ModuleFacts, workspace: Workspace): Problem[] {
  const problems: Problem[] = [];
  const report = (message: string) => problems.push({ path, message });
  const folder = packageFolder(path);
  const declared = declaredAt(folder, workspace);
  for (const specifier of facts.imports) {
    if (specifier.startsWith(".")) {
      const target = posix.join(posix.dirname(path), specifier);
      if (folder.startsWith("packages/") && !target.startsWith(`${folder}/`)) {
        if (!/^[a-z.]+\.config\.ts$/.test(posix.basename(path)))
          report(`${specifier} leaves the package`);
      }
      if (/(^|\/)dist\//.test(specifier)) report(`${specifier} is built: import the source`);
      continue;
    }
    const name = packageName(specifier);
    if (name === undefined) continue;
    if (name.startsWith(SCOPE) && name !== `${SCOPE}${posix.basename(folder)}`) {
      const layer = name.slice(SCOPE.length);
      if (!allowedAt(path, isTest(path)).includes(layer))
        report(`may not import ${name}: see layers.ts`);
    }
    if (!declared.has(name)) report(`imports ${name}, which its package.json does not declare`);
  }
  return problems;
}

/** What a package.json asks for must respect the layers too, development included. */
export function checkManifestLayers(path: string, workspace: Workspace): Problem[] {
  const manifest = JSON.parse(workspace.read(path)) as Manifest;
  const { dependencies = {}, peerDependencies = {}, devDependencies = {} } = manifest;
  const problems: Problem[] = [];
  for (const [group, forTests] of [
    [dependencies, false],
    [peerDependencies, false],
    [devDependencies, true],
  ] as const) {
    for (const name of Object.keys(group)) {
      if (!name.startsWith(SCOPE)) continue;
      if (allowedAt(path, forTests).includes(name.slice(SCOPE.length))) continue;
      problems.push({ path, message: `may not depend on ${name}: see layers.ts` });
    }
  }
  return problems;
}

/** The package of a specifier, or nothing for Node's own modules and for `#private` ones. */
function packageName(specifier: string): string | undefined {
  if (specifier.startsWith("node:") || specifier.startsWith("#")) return undefined;
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0];
}

/** The root's own dependencies are there for everyone: they are the tools, Vitest among them. */
function declaredAt(folder: string, workspace: Workspace): Set<string> {
  const names = new Set<string>();
  for (const path of ["package.json", `${folder}/package.json`]) {
    if (!workspace.paths.includes(path)) continue;
    const manifest = JSON.parse(workspace.read(path)) as Manifest;
    if (manifest.name !== undefined) names.add(manifest.name);
    for (const group of [
      manifest.dependencies,
      manifest.devDependencies,
      manifest.peerDependencies,
    ]) {
      for (const name of Object.keys(group ?? {})) names.add(name);
    }
  }
  return names;
}
