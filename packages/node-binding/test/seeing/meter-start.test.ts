import { expect, it } from "vitest";
import { type MountHandle, mount, openDatabase } from "../../src/index.ts";
import { memoryStore } from "../support/stores.ts";
import { tempDir } from "../support/temp-dir.ts";

it.each([
  ["mount", mount],
  ["openDatabase", openDatabase],
] as const)("a usage of %s begins with its first request, not with its last", async (_, open) => {
  const { url } = memoryStore.place().options;
  const options = { url, mode: "write", journalDir: tempDir() } as const;
  await (await open(options)).close();
  const opening: Promise<MountHandle> = open(options);
  await new Promise((resolve) => setImmediate(resolve));
  const openingMs = performance.now();
  await using handle = await opening;
  const readMs = performance.now();
  const { requests, durationMs } = handle.meter.read();
  expect(requests).toBeGreaterThan(0);
  expect(readMs - durationMs).toBeLessThanOrEqual(openingMs);
});
