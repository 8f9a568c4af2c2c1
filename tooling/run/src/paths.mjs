/**
 * Where things are in this workspace. Everything is found from this file, never from the folder in
 * which the command was typed.
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/**
 * The pinned Node.js itself. `node_modules/.bin/node` is a shell script around it that does not
 * pass signals on, so that an interrupted step would leave its child running.
 */
export const PINNED_NODE = join(ROOT, "node_modules", "node", "bin", "node");

/** Searched for commands before the PATH of the caller. */
export const BIN_FOLDERS = [dirname(PINNED_NODE), join(ROOT, "node_modules", ".bin")];

export const VITEST = join(ROOT, "node_modules", "vitest", "vitest.mjs");

export const BIOME = join(ROOT, "node_modules", "@biomejs", "biome", "bin", "biome");

/**
 * Inside node_modules on purpose: whoever deletes that folder deletes the stamp with it.
 */
export const INSTALL_STAMP = join(ROOT, "node_modules", ".headwater-install");
