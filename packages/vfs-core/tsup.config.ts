import { defineConfig } from "tsup";
import { library } from "../../tooling/tsup.base.ts";

export default defineConfig(
  library({
    index: "src/index.ts",
    "offline/index": "src/offline/index.ts",
    "testing/index": "src/testing/index.ts",
  }),
);
