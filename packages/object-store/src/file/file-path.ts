/**
 * Keys as paths under a root folder, and the names this store keeps for itself.
 *
 * Always true:
 *   - No path made here leaves the root, except through a symbolic link that somebody put there.
 *   - Temporary files and locks of a folder lie in its sub-folder `.headwater`, which is never
 *     listed and which no key can reach.
 */

import { sep } from "node:path";
import { checkKey } from "../object-key.ts";

export const RESERVED_FOLDER = ".headwater";

export interface FilePath {
  /** Absolute path of the folder that holds the file. */
  readonly folder: string;
  readonly name: string;
  readonly path: string;
}

/** Throws RangeError for a key that cannot be a path. */
export function toFilePath(root: string, key: string): FilePath {
  checkKey(key);
  const segments = key.split("/");
  for (const segment of segments) {
    const problem = segmentProblem(segment);
    if (problem !== undefined) throw new RangeError(`a file store cannot hold ${key}: ${problem}`);
  }
  const name = segments.pop() as string;
  const folder = [root, ...segments].join(sep);
  return { folder, name, path: `${folder}${sep}${name}` };
}

/** The folder where a listing of this prefix starts; undefined when no key can start so. */
export function toListFolder(
  root: string,
  prefix: string,
): { readonly folder: string; readonly keyPrefix: string } | undefined {
  const segments = prefix.split("/");
  segments.pop();
  if (segments.some((segment) => segmentProblem(segment) !== undefined)) return undefined;
  const keyPrefix = segments.map((segment) => `${segment}/`).join("");
  return { folder: [root, ...segments].join(sep), keyPrefix };
}

function segmentProblem(segment: string): string | undefined {
  if (segment === "") return "it has an empty segment";
  if (segment === "." || segment === "..") return `it has the segment "${segment}"`;
  if (segment === RESERVED_FOLDER) return `${RESERVED_FOLDER} is reserved`;
  if (sep !== "/" && /[\\:*?"<>|]/.test(segment)) return "a segment has a reserved character";
  return undefined;
}
