import { defineConfig } from "tsup";
import { library } from "../../tooling/tsup.base.ts";

export default defineConfig(
  library({
    index: "src/index.ts",
    "s3/index": "src/s3/index.ts",
    "tigris/index": "src/tigris/index.ts",
    "azure/index": "src/azure/index.ts",
    "gcs/index": "src/gcs/index.ts",
    "file/index": "src/file/index.ts",
    "memory/index": "src/memory/index.ts",
    "testing/index": "src/testing/index.ts",
  }),
);
