/**
 * One mount on the engine's thread: its store, its device, its engine.
 */

import { type ObjectStore, openStore } from "@headwater/object-store";
import {
  explainStoreFailure,
  HeadwaterError,
  type Mount,
  type MountOptions,
  openMount,
  redactUrl,
} from "@headwater/vfs-core";
import { native } from "../native.ts";
import type { EngineMountOptions } from "./engine-mount-options.ts";
import { NativeDevice } from "./native-device.ts";
import { lockNatively } from "./native-locks.ts";

/** Resolves when SQLite can open `file:NAME?vfs=headwater`. */
export async function startMount(
  options: EngineMountOptions,
  devices: Map<number, NativeDevice>,
  signal: AbortSignal,
): Promise<Mount> {
  const { store, path } = await open(options);
  const made: NativeDevice[] = [];
  const forget = async (): Promise<void> => {
    for (const device of made) devices.delete(device.id);
    await store.close();
  };
  try {
    const mount = await openMount(toMountOptions(options, store, path, signal), {
      create(deviceOptions, events) {
        const device = new NativeDevice(native, deviceOptions, events);
        devices.set(device.id, device);
        made.push(device);
        return device;
      },
      lockFile: (path, text) => lockNatively(native, path, text),
    });
    return closingAlso(mount, forget);
  } catch (error) {
    await forget();
    throw error;
  }
}

async function open({ url, storeOptions }: EngineMountOptions) {
  try {
    return await openStore(url, storeOptions);
  } catch (error) {
    throw explainStoreFailure(redactUrl(url), error);
  }
}

function toMountOptions(
  options: EngineMountOptions,
  store: ObjectStore,
  path: string,
  signal: AbortSignal,
): MountOptions {
  const { name, url, hydrate, cacheBytes, requestTimeoutMs } = options;
  const common = { name, store, path, url, hydrate, cacheBytes, requestTimeoutMs, signal };
  switch (options.mode) {
    case "read": {
      const { pollIntervalMs, waitForReplica } = options;
      return { ...common, mode: "read", pollIntervalMs, waitForReplica };
    }
    case "write": {
      const { journalDir, syncIntervalMs, lease, mustExist } = options;
      return { ...common, mode: "write", journalDir, syncIntervalMs, lease, mustExist };
    }
    default:
      throw new HeadwaterError("OPTION_INVALID", `no such mode: ${String(options.mode)}`);
  }
}

/** The same mount, which also lets go of what was opened for it. */
function closingAlso(mount: Mount, forget: () => Promise<void>): Mount {
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= mount.close().finally(forget);
    return closing;
  };
  return {
    name: mount.name,
    mode: mount.mode,
    status: () => mount.status(),
    flush: (options) => mount.flush(options),
    waitForTxid: (txid, options) => mount.waitForTxid(txid, options),
    hydrated: (options) => mount.hydrated(options),
    close,
    [Symbol.asyncDispose]: close,
  };
}
