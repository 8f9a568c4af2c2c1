/**
 * Opening in read mode: finds a replica that others write.
 */

import type { DeviceFactory } from "../device-factory.ts";
import { KEEP_SHARE, WAIT_POLL_MS } from "../limits.ts";
import { type LoadedMap, loadMap } from "../load-map.ts";
import type { Mount } from "../mount.ts";
import { type MountBase, makeMountBase } from "../mount-base.ts";
import type { ReadSettings } from "../options.ts";
import { replicaError } from "../replica.ts";
import { RoleMount } from "../role-mount.ts";
import { Reader } from "./reader.ts";

export async function openReadMount(
  settings: ReadSettings,
  factory: DeviceFactory,
): Promise<Mount> {
  const base = makeMountBase(settings);
  const { loaded, foundMs } = await loadWhenThere(base, settings);
  const start = { mode: "read", seq: 0, loaded } as const;
  const mount = new RoleMount(settings, base, factory, start, (parts) => ({
    type: "reader",
    reader: new Reader(parts, {
      agoMs: settings.clock.monotonicMs() - foundMs,
      createdAtMs: loaded.createdAtMs,
    }),
  }));
  try {
    await mount.activate(loaded);
    return mount;
  } catch (error) {
    await mount.close();
    throw error;
  }
}

interface Found {
  readonly loaded: LoadedMap;
  /** When the look began that found it, by the monotonic clock. */
  readonly foundMs: number;
}

/** With `waitForReplica`, until there is something; else rejects at once when there is nothing. */
async function loadWhenThere(base: MountBase, settings: ReadSettings): Promise<Found> {
  const { replica, queue, hedger, files, indexes } = base;
  const { signal, clock, cacheBytes, pollIntervalMs, waitForReplica = false } = settings;
  const keepBytes = cacheBytes / KEEP_SHARE;
  for (;;) {
    const foundMs = clock.monotonicMs();
    const loaded = await loadMap(replica, {
      queue,
      hedger,
      files,
      indexes,
      keepBytes,
      signal,
      target: { type: "latest" },
    });
    if (loaded !== undefined) return { loaded, foundMs };
    if (!waitForReplica) {
      const sentence =
        "there is no database here; check the URL, begin one in write mode, or set waitForReplica";
      throw replicaError(replica, "REPLICA_NOT_FOUND", sentence);
    }
    // Somebody waits, whether there are to be polls later or not.
    const pauseMs = pollIntervalMs === 0 ? WAIT_POLL_MS : Math.max(pollIntervalMs, 1);
    await clock.sleep(pauseMs, { signal });
  }
}
