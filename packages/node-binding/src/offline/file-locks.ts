/**
 * Locks of files for work without SQLite, on the thread that asks. They end with the process.
 */

import type { FileLocks } from "@headwater/vfs-core";
import { lockNatively } from "../engine/native-locks.ts";
import { native } from "../native.ts";

export const fileLocks: FileLocks = {
  lockFile: (path, text) => lockNatively(native, path, text),
};
