/**
 * The files of the workspace as Git sees them: tracked ones, and new ones that are not ignored.
 *
 * It lists nothing by hand, so that a file cannot escape the rules by being in a new place.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One broken rule. An empty list of these is what every rule wants. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

export interface Workspace {
  /** Relative to the root, with forward slashes, in ascending order. */
  readonly paths: readonly string[];
  readonly read: (path: string) => string;
}

const GIT_OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export function openWorkspace(root: string): Workspace {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const output = execFileSync("git", args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: GIT_OUTPUT_BYTES_MAX,
  });
  // A file that was deleted and not yet committed is still in Git's list.
  const paths = output.split("\0").filter((path) => path !== "" && existsSync(join(root, path)));
  const texts = new Map<string, string>();
  const read = (path: string): string => {
    const known = texts.get(path);
    if (known !== undefined) return known;
    const text = readFileSync(join(root, path), "utf8");
    texts.set(path, text);
    return text;
  };
  return { paths: [...new Set(paths)].sort(), read };
}

/** A workspace that exists only in memory: for tests of the rules themselves. */
export function fakeWorkspace(files: Readonly<Record<string, string>>): Workspace {
  const read = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new RangeError(`no such file: ${path}`);
    return text;
  };
  return { paths: Object.keys(files).sort(), read };
}

/** `packages/lease/src/x.ts` gives `packages/lease`; a file of the root gives the empty text. */
export function packageFolder(path: string): string {
  const match = /^(packages|apps|tooling)\/[^/]+(?=\/)/.exec(path);
  return match === null ? "" : match[0];
}

export function isScript(path: string): boolean {
  return /\.(ts|mts|mjs|js)$/.test(path);
}

export function isNative(path: string): boolean {
  return /\.(c|h|cc|cpp|def)$/.test(path);
}

/** Tests, and the test kits that packages publish. */
export function isTest(path: string): boolean {
  return /\/(test|bench)\//.test(path) || /\/src\/testing\//.test(path);
}

/** Code that others wrote, kept as it came. */
export function isVendored(path: string): boolean {
  return /\/(vendor|golden|native\/sqlite3|native\/lz4)\//.test(path);
}
