/**
 * The page codec in C where there is one for this machine; else the one in TypeScript does.
 */

import { setCodec } from "@headwater/ltx";
import type { FileLocks } from "@headwater/vfs-core";

/** Without native code, what one process does is not known to others. */
const NO_LOCKS: FileLocks = {
  lockFile: () => ({ type: "locked", lock: { release: () => {} } }),
};

/** Also gives the locks that come with it. */
export async function useNativeCode(): Promise<FileLocks> {
  try {
    const { fileLocks, nativeCodec } = await import("@headwater/node-binding/offline");
    setCodec(nativeCodec);
    return fileLocks;
  } catch {
    return NO_LOCKS;
  }
}
