import { defineConfig } from "tsup";
import { library } from "../../tooling/tsup.base.ts";

export default defineConfig(
  library({
    // An entry of its own, so that it stays the first thing that index.js runs.
    "check-node": "src/check-node.ts",
    index: "src/index.ts",
    "engine-worker": "src/engine/engine-worker.ts",
  }),
);
