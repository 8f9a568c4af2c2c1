/**
 * Image files of this machine, some of whose calls a test answers itself.
 */

import { systemImageFiles } from "../../src/disk/image-file.ts";
import type { ImageFiles, ImageHandle } from "../../src/disk/image-files.ts";

export function imageFilesWith(change: (handle: ImageHandle) => Partial<ImageHandle>): ImageFiles {
  return {
    open: async (name) => {
      const handle = await systemImageFiles.open(name);
      return {
        read: (...args) => handle.read(...args),
        write: (...args) => handle.write(...args),
        truncate: (size) => handle.truncate(size),
        sync: () => handle.sync(),
        close: () => handle.close(),
        ...change(handle),
      };
    },
  };
}

export function diskError(code: "EIO" | "EMFILE" | "ENOSPC"): Error {
  return Object.assign(new Error(`${code}: as the test says`), { code });
}
