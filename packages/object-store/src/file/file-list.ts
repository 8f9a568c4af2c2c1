/**
 * The files under a folder, in the order of their keys.
 *
 * A folder sorts as its name with the slash, because that is how its keys go on: `a-b`, `a.c`, then
 * `a/d`. So folders are entered in place, one at a time, and nothing but one folder is ever held.
 */

import type { BigIntStats, Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FILE_STATS_PARALLEL } from "../limits.ts";
import { compareKeys } from "../object-key.ts";
import { errnoOf } from "./file-errors.ts";
import { RESERVED_FOLDER, toListFolder } from "./file-path.ts";

/** What is said of a name that is gone, and of links to nowhere and in circles. */
const NO_FILE = /^(ENOENT|ENOTDIR|ELOOP)$/;

export interface ListedFile {
  readonly key: string;
  readonly stats: BigIntStats;
}

interface ListScope {
  readonly prefix: string;
  readonly startAfter: string | undefined;
  readonly signal: AbortSignal | undefined;
}

interface Entry {
  /** The key, or for a folder the start of its keys. */
  readonly key: string;
  readonly path: string;
  readonly folder: boolean;
}

export async function* listFiles(root: string, scope: ListScope): AsyncIterable<ListedFile> {
  const start = toListFolder(root, scope.prefix);
  if (start !== undefined) yield* listFolder(start.folder, start.keyPrefix, scope);
}

async function* listFolder(
  folder: string,
  keyPrefix: string,
  scope: ListScope,
): AsyncIterable<ListedFile> {
  scope.signal?.throwIfAborted();
  const entries = await readEntries(folder, keyPrefix, scope);
  for (let start = 0; start < entries.length; ) {
    const entry = entries[start] as Entry;
    if (entry.folder) {
      yield* listFolder(entry.path, entry.key, scope);
      start += 1;
      continue;
    }
    let end = start + 1;
    while (end < entries.length && end - start < FILE_STATS_PARALLEL && !entries[end]?.folder) {
      end += 1;
    }
    scope.signal?.throwIfAborted();
    const files = await Promise.all(entries.slice(start, end).map(statEntry));
    for (const file of files) if (file !== undefined) yield file;
    start = end;
  }
}

async function readEntries(
  folder: string,
  keyPrefix: string,
  scope: ListScope,
): Promise<readonly Entry[]> {
  let dirents: readonly Dirent[];
  try {
    dirents = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    // Gone, or never there: no keys. A store without its root is an empty one.
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return [];
    throw error;
  }
  const entries: Entry[] = [];
  for (const dirent of dirents) {
    if (dirent.name === RESERVED_FOLDER) continue;
    const isFolder = dirent.isDirectory();
    const key = `${keyPrefix}${dirent.name}${isFolder ? "/" : ""}`;
    if (isFolder ? !folderMayHold(key, scope) : !fileIsWanted(key, scope)) continue;
    entries.push({ key, path: join(folder, dirent.name), folder: isFolder });
  }
  return entries.sort((a, b) => compareKeys(a.key, b.key));
}

function fileIsWanted(key: string, { prefix, startAfter }: ListScope): boolean {
  if (!key.startsWith(prefix)) return false;
  return startAfter === undefined || compareKeys(key, startAfter) > 0;
}

function folderMayHold(key: string, { prefix, startAfter }: ListScope): boolean {
  if (!key.startsWith(prefix) && !prefix.startsWith(key)) return false;
  if (startAfter === undefined || startAfter.startsWith(key)) return true;
  return compareKeys(key, startAfter) > 0;
}

/** Undefined for what vanished meanwhile, is no file, or is a link that leads to none. */
async function statEntry({ key, path }: Entry): Promise<ListedFile | undefined> {
  try {
    const stats = await stat(path, { bigint: true });
    return stats.isFile() ? { key, stats } : undefined;
  } catch (error) {
    if (NO_FILE.test(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
