/**
 * Node's cache of compiled code, on the engine's thread: on where the program has switched it on.
 *
 * A program does so for its own thread, and the engine's has the most to compile. Set by
 * NODE_COMPILE_CACHE it is on everywhere anyway. Nothing here ever chooses a folder.
 */

import module from "node:module";
import { dirname } from "node:path";

/** Where this thread keeps compiled code. Undefined: it keeps none, or Node.js is too old to. */
export function compileCacheFolder(): string | undefined {
  const ofThisNode = module.getCompileCacheDir?.();
  return ofThisNode === undefined ? undefined : dirname(ofThisNode);
}

/** From now on; what cannot be kept there is compiled again the next time. */
export function useCompileCache(folder: string | undefined): void {
  if (folder !== undefined) module.enableCompileCache?.(folder);
}
