import { defineConfig } from "vitest/config";

const conditions = ["@headwater/source"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["{packages,apps,tooling}/*/test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/*.live.test.ts"],
    globalSetup: ["tooling/servers/vitest-global-setup.ts"],
    pool: "forks",
    execArgv: ["--conditions=@headwater/source"],
    testTimeout: 30_000,
  },
});
