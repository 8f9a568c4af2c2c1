/**
 * LTX files loaded one after another, while those after them are on their way.
 *
 * Always true: no more than OPEN_WINDOW_FILES files and OPEN_WINDOW_BYTES of them are under way or
 * held, but for the index of a large one.
 */

import { HEAD_BYTES, OPEN_WINDOW_BYTES, OPEN_WINDOW_FILES, WHOLE_FILE_BYTES } from "./limits.ts";
import { type LoadedFile, type LoadFileOptions, loadFile } from "./load-file.ts";
import type { LtxFile } from "./ltx-file.ts";
import { OVER } from "./over.ts";
import type { Replica } from "./replica.ts";

/** In the order in which they are given. Throws the store's own OBJECT_NOT_FOUND. */
export async function* loadInOrder(
  replica: Replica,
  files: readonly LtxFile[],
  options: LoadFileOptions,
): AsyncGenerator<LoadedFile, void, undefined> {
  const left = new AbortController();
  const signals = options.signal === undefined ? [] : [options.signal];
  const signal = AbortSignal.any([...signals, left.signal]);
  const ahead: Promise<LoadedFile>[] = [];
  let next = 0;
  let bytes = 0;
  try {
    for (const file of files) {
      while (next < files.length && ahead.length < OPEN_WINDOW_FILES) {
        const following = files[next]!;
        if (ahead.length > 0 && bytes + bytesOf(following) > OPEN_WINDOW_BYTES) break;
        const loading = loadFile(replica, following, { priority: "open", ...options, signal });
        loading.catch(() => {});
        ahead.push(loading);
        bytes += bytesOf(following);
        next += 1;
      }
      yield await ahead[0]!;
      ahead.shift();
      bytes -= bytesOf(file);
    }
  } finally {
    left.abort(OVER);
    await Promise.allSettled(ahead);
  }
}

function bytesOf({ size }: LtxFile): number {
  return size <= WHOLE_FILE_BYTES ? size : HEAD_BYTES;
}
