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
    // One core less is the default, which on two leaves one, for tests that wait half of the time.
    maxWorkers: "100%",
    execArgv: ["--conditions=@headwater/source"],
    testTimeout: 30_000,
    // A second is the default, which a busy machine takes now and then.
    expect: { poll: { timeout: 20_000 } },
  },
});
