/** Mounts that change their role. */

import { onTestFinished } from "vitest";
import { type Mount, type MountEvent, openMount, type ReadMountOptions } from "../../src/index.ts";
import {
  type WriterDevice,
  WriterDeviceFactory,
  type WriterDeviceFactoryOptions,
} from "../../src/testing/index.ts";
import { range, type World } from "./world.ts";
import { makeFolder } from "./writing.ts";

export interface Player {
  readonly mount: Mount;
  readonly device: WriterDevice;
  readonly journalDir: string;
  readonly events: MountEvent[];
}

/** A reader that looks for transactions, and later uploads, only when told to. */
export async function openPlayer(
  { store, path, url }: World,
  options: Partial<ReadMountOptions> = {},
  deviceOptions: WriterDeviceFactoryOptions = {},
): Promise<Player> {
  const factory = new WriterDeviceFactory(deviceOptions);
  const journalDir = options.journalDir ?? makeFolder();
  const events: MountEvent[] = [];
  const mount = await openMount(
    {
      name: "app.db",
      mode: "read",
      store,
      path,
      url,
      journalDir,
      pollIntervalMs: 0,
      syncIntervalMs: 3_600_000,
      cacheBytes: 1_000_000,
      compaction: "off",
      onEvent: (event) => events.push(event),
      ...options,
    },
    factory,
  );
  onTestFinished(() => mount.close().catch(() => {}));
  return { mount, device: factory.device, journalDir, events };
}

/** All pages, as a reader sees them that begins now. */
export async function seen({ device }: Pick<Player, "device">): Promise<Uint8Array[]> {
  using snapshot = device.snapshot();
  return Promise.all(range(1, snapshot.pageCount).map((pgno) => snapshot.readPage(pgno)));
}
