/**
 * What a module may contain: banned words, the shape of an index, default exports, and that
 * somebody uses it.
 */

import { posix } from "node:path";
import {
  ADAPTERS,
  BANNED_EVERYWHERE,
  BANNED_IMPORTS,
  BANNED_IN_PACKAGES,
  type Ban,
  DEFAULT_EXPORTS,
  STARTED_BY_NAME,
} from "./exceptions.ts";
import type { ModuleFacts } from "./module-facts.ts";
import { isTest, type Problem, packageFolder, type Workspace } from "./workspace.ts";

export function checkBans(path: string, text: string, facts: ModuleFacts): Problem[] {
  const problems: Problem[] = [];
  const published = /^packages\/[^/]+\/src\//.test(path) && !isTest(path);
  const bans = published ? [...BANNED_EVERYWHERE, ...BANNED_IN_PACKAGES] : BANNED_EVERYWHERE;
  const allowed = ADAPTERS[path] ?? [];
  for (const ban of bans) {
    if (allowed.includes(ban.use) || !facts.uses.some((use) => matches(use, ban))) continue;
    problems.push({ path, message: `${ban.use} is banned: use ${ban.instead}` });
  }
  for (const ban of published ? BANNED_IMPORTS : []) {
    if (!facts.imports.includes(ban.use)) continue;
    problems.push({ path, message: `importing ${ban.use} is banned: use ${ban.instead}` });
  }
  // Split, so that this file does not break its own rule.
  const unfinished = ["FIX", "ME"].join("");
  if (text.includes(unfinished)) {
    problems.push({ path, message: `${unfinished}: finish it, or say as a sentence what is so` });
  }
  return problems;
}

function matches(use: string, ban: Ban): boolean {
  return ban.use.endsWith(".") ? use.startsWith(ban.use) : use === ban.use;
}

export function checkExports(path: string, facts: ModuleFacts): Problem[] {
  const problems: Problem[] = [];
  if (/^packages\/[^/]+\/src\/(.+\/)?index\.ts$/.test(path) && !facts.onlyReExports) {
    const message = "an index holds only `export { name } from` lists, and no `export *`";
    problems.push({ path, message });
  }
  if (facts.hasDefaultExport && !DEFAULT_EXPORTS.some((pattern) => pattern.test(path))) {
    problems.push({ path, message: "default export: export it by its name" });
  }
  return problems;
}

/** Modules that no other module names and that nothing starts. */
export function checkUnused(
  modules: ReadonlyMap<string, ModuleFacts>,
  workspace: Workspace,
): Problem[] {
  const used = new Set<string>();
  for (const [path, facts] of modules) {
    for (const text of [...facts.imports, ...facts.strings]) {
      // A path is written from the file that names it, or from the root of the workspace.
      used.add(/^\.\.?\//.test(text) ? posix.join(posix.dirname(path), text) : text);
      // Tests start helpers by a path that they put together: the last part is enough.
      if (isTest(path)) used.add(`${packageFolder(path)}:${posix.basename(text)}`);
    }
  }
  const manifests = workspace.paths
    .filter((path) => posix.basename(path) === "package.json")
    .map((path) => ({ folder: packageFolder(path), text: workspace.read(path) }));
  const isStarted = (path: string) =>
    STARTED_BY_NAME.some((pattern) => pattern.test(path)) ||
    manifests.some(({ folder, text }) => text.includes(posix.relative(folder, path)));
  const isUsed = (path: string) =>
    used.has(path) || used.has(`${packageFolder(path)}:${posix.basename(path)}`);
  return [...modules.keys()]
    .filter((path) => !isUsed(path) && !isStarted(path))
    .map((path) => ({ path, message: "nothing imports this file" }));
}
