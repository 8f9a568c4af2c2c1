/**
 * Where headwater.node lies: in prebuilds/<target>/ of this package, and nowhere else.
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { currentTarget, TARGETS } from "./target.ts";

/** The same from src/ and from dist/, which are both one folder deep. */
const PREBUILDS = new URL("../prebuilds/", import.meta.url);

/**
 * The binary that Node loads as an addon and SQLite loads as an extension. Throws when this package
 * has none for this machine, or is not a package any more.
 */
export function resolveBinary(): string {
  const target = currentTarget();
  const path = fileURLToPath(new URL(`${target}/headwater.node`, PREBUILDS));
  if (existsSync(path)) return path;
  if (!existsSync(PREBUILDS)) {
    throw new Error(
      `there is no headwater.node in ${fileURLToPath(PREBUILDS)}; ` +
        "keep @headwater/node-binding in node_modules, outside of bundles",
    );
  }
  throw new Error(
    `@headwater/node-binding has no binary for ${target}; it has been built for: ` +
      `${TARGETS.join(", ")}`,
  );
}
