import { expect, it } from "vitest";
import { type MountOptions, mount } from "../src/index.ts";
import { toEngineOptions } from "../src/options.ts";

const url = "memory:misspelt";

it.each([
  [{ compactoin: {} }, 'unknown option "compactoin"'],
  [{ pollIntervalMS: 1 }, 'misspelled option "pollIntervalMS" should be "pollIntervalMs"'],
  [{ compaction: { snapshotRetention: 1e9 } }, '"compaction.snapshotRetention"'],
  [{ compaction: { level0RetentionMS: 1e9 } }, 'should be "compaction.level0RetentionMs"'],
  [{ lease: { ttl: 1000 } }, '"lease.ttl"'],
  [{ hydrate: { file: "/data/app.db" } }, '"hydrate.file"'],
  [{ prices: { egressPerGB: 0 } }, '"prices.egressPerGB"'],
  [{ storeOptions: { endPoint: "http://localhost:9000" } }, 'should be "storeOptions.endpoint"'],
])("%j is refused by its name", async (options, words) => {
  await expect(mount({ url, ...options } as MountOptions)).rejects.toMatchObject({
    code: "OPTION_INVALID",
    message: expect.stringContaining(words),
  });
});

it("what there is within an option is taken", () => {
  const compaction = {
    levelIntervalsMs: [1000],
    snapshotIntervalMs: 1000,
    snapshotRetentionMs: 1000,
    level0RetentionMs: 1000,
    retentionIntervalMs: 1000,
  };
  const storeOptions = { endpoint: "http://localhost:9000", region: "r", forcePathStyle: true };
  const options = toEngineOptions({ url, journalDir: "/j", compaction, storeOptions }, {});
  expect(options).toMatchObject({ compaction, storeOptions });
});
