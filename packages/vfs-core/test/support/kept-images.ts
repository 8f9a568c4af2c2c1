/**
 * Mounts that come one after another and use the same local image.
 */

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { ReadMountOptions } from "../../src/index.ts";
import type { WriterDeviceFactoryOptions } from "../../src/testing/index.ts";
import { openReader } from "./read-mount.ts";
import { range, World } from "./world.ts";

const PAGE_SIZE = 4096;
export const KEPT_PAGES = 600;
/** Less than a tenth of the pages. */
export const FEW_BYTES = 60 * PAGE_SIZE;

/** A large file with all pages, and a small one with three of them. */
export async function keptWorld(): Promise<World> {
  const world = new World({ pageSize: PAGE_SIZE, isRandom: true });
  await world.write({ pages: range(1, KEPT_PAGES) });
  await world.write({ pages: [3, 200, KEPT_PAGES + 1] });
  return world;
}

/** Polls only when told to, caches nothing, and fetches nothing ahead. */
export function openKept(
  world: World,
  options: Partial<ReadMountOptions> = {},
  deviceOptions: WriterDeviceFactoryOptions = {},
) {
  return openReader(world, { warmUp: false, ...options }, deviceOptions);
}

/**
 * Hydrates at that path to the end, and compares what is there afterwards. Gives the bytes of the
 * store's answers.
 */
export async function hydrateAt(
  path: string,
  world: World,
  expected = world,
): Promise<{ readonly bytes: number }> {
  const { txid } = expected;
  world.requests.length = 0;
  const { mount, device } = await openKept(world, { hydrate: { path } });
  await mount.hydrated();
  {
    using snapshot = device.snapshot();
    for (const pgno of [1, 2, 63, 64, 65, expected.pageCountAt(txid)]) {
      expect(await snapshot.readPage(pgno)).toEqual(expected.pageAt(txid, pgno));
    }
  }
  await mount.close();
  expect(Buffer.compare(readFileSync(path), expected.imageAt(txid))).toBe(0);
  return { bytes: bytesOf(world) };
}

/** Of the store's answers. */
export function bytesOf({ requests }: World): number {
  return requests.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
}
