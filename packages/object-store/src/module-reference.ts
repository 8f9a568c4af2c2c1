/**
 * Code of the user's own, given as a module and plain options instead of a function.
 *
 * A function cannot go to another thread; the name of a module and data can. So whoever runs a
 * store on a thread of its own takes such a reference, and the module is loaded there.
 *
 * Always true:
 *   - What `resolveModule` gives is a file: URL, so it means the same on every thread.
 *   - Its options are a copy: nothing that the caller changes later shows.
 *   - Problems are CONFIG_INVALID, in one sentence that names the module and shows no option.
 */

import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { ObjectStoreError } from "./errors.ts";
import { systemProgram } from "./system.ts";

export interface ModuleReference {
  /**
   * A file: URL, such as `new URL("./my-store.js", import.meta.url)`, an absolute path, or the name
   * of a package, which is looked for as `require` in the program's main file would.
   */
  readonly module: string | URL;
  /** Handed to the module's default export. Only what can be cloned: no functions. */
  readonly options?: unknown;
}

export interface ResolvedModule extends ModuleReference {
  readonly module: string;
}

export type ModuleFunction = () => Promise<unknown>;

/** Throws CONFIG_INVALID; loads nothing. */
export function resolveModule(reference: ModuleReference): ResolvedModule {
  const { module, options } = reference;
  if (!(typeof module === "string" || module instanceof URL) || `${module}` === "") {
    throw problem("(no module)", '"module" must be a file: URL, an absolute path or a package');
  }
  const url = toFileUrl(`${module}`);
  try {
    return { module: url, options: structuredClone(options) };
  } catch (cause) {
    throw problem(url, "its options are not plain data, which alone can go to its thread", cause);
  }
}

/**
 * Loads the module and gives its default export, with the options filled in. What that throws is
 * the caller's to explain.
 */
export async function loadModule({ module, options }: ResolvedModule): Promise<ModuleFunction> {
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(/* @vite-ignore */ module);
  } catch (cause) {
    throw problem(module, `it cannot be loaded: ${sentenceOf(cause)}`, cause);
  }
  const { default: work } = loaded;
  if (typeof work !== "function") {
    throw problem(module, "its default export must be a function of its options");
  }
  return async () => work(options);
}

/** The error for a module that is not what it should be. */
export function moduleProblem(
  { module }: ResolvedModule,
  sentence: string,
  cause?: unknown,
): ObjectStoreError {
  return problem(module, sentence, cause);
}

function toFileUrl(module: string): string {
  if (/^file:\/\//i.test(module)) return new URL(module).href;
  if (isAbsolute(module)) return pathToFileURL(module).href;
  if (/^\.\.?([/\\]|$)/.test(module)) {
    const instead = `new URL(${JSON.stringify(module)}, import.meta.url)`;
    throw problem(module, `a relative path has nothing to be relative to: pass ${instead}`);
  }
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(module)) {
    throw problem(module.replace(/:.*$/s, ":"), "only file: URLs are loaded");
  }
  return findPackage(module);
}

function findPackage(name: string): string {
  const program = systemProgram();
  try {
    return pathToFileURL(createRequire(realPath(program)).resolve(name)).href;
  } catch (cause) {
    const { code } = cause as { readonly code?: unknown };
    // Some packages can be imported only, and there is no way to ask for that from elsewhere.
    const isHidden = code === "ERR_PACKAGE_PATH_NOT_EXPORTED";
    const why = isHidden ? "has no such entry for require" : `cannot be found from ${program}`;
    const instead = `import.meta.resolve(${JSON.stringify(name)})`;
    throw problem(name, `it ${why}: pass ${instead}`, cause);
  }
}

/** Packages lie beside the program's file, not beside a link to it. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** One line of whatever was thrown. */
export function sentenceOf(failure: unknown): string {
  const text = failure instanceof Error ? failure.message : String(failure);
  return text.split("\n", 1)[0] ?? "";
}

function problem(module: string, sentence: string, cause?: unknown): ObjectStoreError {
  const message = `the module ${module} cannot be used: ${sentence}`;
  return new ObjectStoreError("CONFIG_INVALID", message, { store: module, cause });
}
