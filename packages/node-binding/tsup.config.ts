import { rmSync } from "node:fs";
import { defineConfig } from "tsup";
import { library } from "../../tooling/tsup.base.ts";

/** Beside one another in one folder, so that none of them may clear it. */
function build(entry: Record<string, string>, together: RegExp, apart: readonly RegExp[] = []) {
  const { external = [], ...rest } = library(entry);
  return {
    ...rest,
    clean: false,
    // SDKs are looked for when a store needs one.
    external: [...external, /^@(?!headwater\/)/, ...apart],
    // A start reads and compiles what it uses of our own packages, and in few files.
    noExternal: [together],
    esbuildOptions: (options: { conditions?: string[] }) => {
      options.conditions = ["@headwater/source"];
    },
  };
}

rmSync("dist", { recursive: true, force: true });

export default defineConfig([
  build(
    {
      index: "src/index.ts",
      offline: "src/offline/index.ts",
      register: "src/register.ts",
      text: "src/text.ts",
    },
    /^@headwater\//,
    // Stores are for the engine to open.
    [/^\.\/(azure|file|gcs|memory|s3|tigris)\//],
  ),
  // A build of its own: what the engine uses of a package is not for those who call it. The stores
  // stay where their SDKs are looked for.
  build({ "engine-worker": "src/engine/engine-worker.ts" }, /^@headwater\/(?!object-store$)/),
]);
