/**
 * One mount on the engine's thread: its store, its device, its engine.
 */

import {
  ObjectStoreError,
  type OpenedStore,
  openStore,
  type PriceProvider,
  priceProviderOf,
} from "@headwater/object-store";
import {
  explainStoreFailure,
  HeadwaterError,
  type Mount,
  type MountEvent,
  type MountOptions,
  type Observer,
  openMount,
  redactUrl,
} from "@headwater/vfs-core";
import { native } from "../native.ts";
import type { EngineMountOptions } from "./engine-mount-options.ts";
import { NativeDevice } from "./native-device.ts";
import { lockNatively } from "./native-locks.ts";

export interface MountRun {
  /** Ends the opening. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: MountEvent) => void;
  readonly observer: Observer;
}

export interface StartedMount extends Mount {
  readonly provider: PriceProvider | undefined;
  /** Number of its device, which it keeps for good. */
  readonly device: number;
}

/** Resolves when SQLite can open `file:NAME?vfs=headwater`. */
export async function startMount(
  options: EngineMountOptions,
  devices: Map<number, NativeDevice>,
  run: MountRun,
): Promise<StartedMount> {
  const opened = await open(options);
  const { store } = opened;
  const made = new Set<NativeDevice>();
  const forgetDevice = (device: NativeDevice): void => {
    devices.delete(device.id);
    made.delete(device);
  };
  const forget = async (): Promise<void> => {
    for (const device of made) forgetDevice(device);
    await store.close();
  };
  try {
    const mount = await openMount(toMountOptions(options, opened, run), {
      create(deviceOptions, events) {
        const onClosed = () => forgetDevice(device);
        const device = new NativeDevice(native, { ...deviceOptions, onClosed }, events);
        devices.set(device.id, device);
        made.add(device);
        return device;
      },
      lockFile: (path, text) => lockNatively(native, path, text),
    });
    const device = [...made].find(({ name }) => name === mount.name)!.id;
    return startedMount(mount, { provider: priceProviderOf(store), device }, forget);
  } catch (error) {
    await forget();
    throw error;
  }
}

async function open({ source, storeOptions }: EngineMountOptions): Promise<OpenedStore> {
  try {
    return await openStore(source, storeOptions);
  } catch (error) {
    if (typeof source === "string") throw explainStoreFailure(redactUrl(source), error);
    if (!ObjectStoreError.is(error, "CONFIG_INVALID")) {
      throw explainStoreFailure(String(source.module), error);
    }
    throw new HeadwaterError("STORE_CONFIG_INVALID", error.message, { cause: error });
  }
}

function toMountOptions(
  options: EngineMountOptions,
  { store, path }: OpenedStore,
  run: MountRun,
): MountOptions {
  const { name, source, hydrate, cacheBytes, requestTimeoutMs } = options;
  const { warmUp, hedge, indexCacheDir } = options;
  const url = typeof source === "string" ? source : urlOfStore(store.name, path);
  const { pollIntervalMs, pollIntervalMsMax } = options;
  const { journalDir, syncIntervalMs, durability, journalBytesMax } = options;
  const { lease, compaction } = options;
  const commits = { journalDir, syncIntervalMs, durability, journalBytesMax, lease, compaction };
  const place = { name, store, path, url };
  const reading = { hydrate, cacheBytes, requestTimeoutMs, warmUp, hedge, indexCacheDir };
  const polling = { pollIntervalMs, pollIntervalMsMax };
  const common = { ...place, ...run, ...commits, ...reading, ...polling };
  switch (options.mode) {
    case "read":
      return {
        ...common,
        mode: "read",
        waitForReplica: options.waitForReplica,
      };
    case "write":
      return { ...common, mode: "write", mustExist: options.mustExist };
    default:
      throw new HeadwaterError("OPTION_INVALID", `no such mode: ${String(options.mode)}`);
  }
}

/** What messages and the journal call a replica that no URL leads to. */
function urlOfStore(name: string, path: string): string {
  const isUrl = /^[A-Za-z][A-Za-z0-9+.-]*:/.test(name);
  const place = (isUrl ? name : `store:${name}`).replace(/[?#]/g, encodeURIComponent);
  return path === "" ? place : `${place}/${path}`;
}

/** The same mount, which also lets go of what was opened for it. */
function startedMount(
  mount: Mount,
  facts: Pick<StartedMount, "provider" | "device">,
  forget: () => Promise<void>,
): StartedMount {
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= mount.close().finally(forget);
    return closing;
  };
  return {
    ...facts,
    name: mount.name,
    counters: mount.counters,
    get mode() {
      return mount.mode;
    },
    status: () => mount.status(),
    flush: (options) => mount.flush(options),
    waitForTxid: (txid, options) => mount.waitForTxid(txid, options),
    hydrated: (options) => mount.hydrated(options),
    resizeCache: (cacheBytes) => mount.resizeCache(cacheBytes),
    promote: (options) => mount.promote(options),
    demote: (options) => mount.demote(options),
    at: (moment, options) => mount.at(moment, options),
    close,
    [Symbol.asyncDispose]: close,
  };
}
