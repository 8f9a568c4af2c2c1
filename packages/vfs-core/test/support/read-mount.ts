/**
 * Mounts that read, with the options and the device that `openReplica` does not have.
 */

import { openMount, type ReadMountOptions } from "../../src/index.ts";
import { WriterDeviceFactory, type WriterDeviceFactoryOptions } from "../../src/testing/index.ts";
import type { World } from "./world.ts";

/** Polls only when told to, and caches nothing. */
export async function openReader(
  world: World,
  options: Partial<ReadMountOptions> = {},
  deviceOptions: WriterDeviceFactoryOptions = {},
) {
  const factory = new WriterDeviceFactory(deviceOptions);
  const { store, path, url } = world;
  const mount = await openMount(
    {
      name: "app.db",
      mode: "read",
      store,
      path,
      url,
      pollIntervalMs: 0,
      cacheBytes: 0,
      ...options,
    },
    factory,
  );
  return { mount, device: factory.device };
}
