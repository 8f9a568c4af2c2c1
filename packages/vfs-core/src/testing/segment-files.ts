/**
 * Where the writing device for tests keeps its segments. Calls are synchronous, as are those of the
 * threads that run SQLite.
 */

import {
  appendFileSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  writeFileSync,
} from "node:fs";

export interface SegmentFiles {
  /** An empty file. Throws when there is one of that name. */
  create(path: string): void;
  /** All of the text or, when it throws, none of it. */
  append(path: string, text: string): void;
  read(path: string): string;
  /** What was appended so far survives a loss of power. */
  sync(path: string): void;
}

export const systemSegmentFiles: SegmentFiles = {
  create: (path) => writeFileSync(path, "", { flag: "wx" }),
  append: (path, text) => appendFileSync(path, text),
  read: (path) => readFileSync(path, "utf8"),
  sync(path) {
    const handle = openSync(path, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  },
};
