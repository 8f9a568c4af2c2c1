/**
 * A replica made available to SQL in this process, without opening a connection.
 */

import { type HydrationStatus, type MountStatus, systemClock } from "@headwater/vfs-core";
import { registerDrivers } from "./drivers.ts";
import { callEngine, callsToThisEngine, ensureEngine, listenTo } from "./engine/engine-client.ts";
import type { MountedAs, MountRef } from "./engine/messages.ts";
import { EventListeners, type MountEventListener, type MountEventType } from "./event-listeners.ts";
import { followHydration } from "./hydration-progress.ts";
import { type MountOptions, toEngineOptions } from "./options.ts";
import { openPast, type Past } from "./past.ts";
import { wanted } from "./seeing/channels.ts";
import { type Meter, type MeteredUsage, makeMeter } from "./seeing/meter.ts";
import { afterThisTurn, environment } from "./system.ts";

export interface SignalOptions {
  readonly signal?: AbortSignal;
}

export interface PromoteOptions extends SignalOptions {
  /** How long to wait for a lease that another holds. Default: as the `lease` option says. */
  readonly waitMs?: number;
}

export interface HandleStatus extends MountStatus {
  /** As `meter.read()`. */
  readonly usage: MeteredUsage;
}

export interface MountHandle extends AsyncDisposable {
  readonly name: string;
  /** What to open: `new Database(filename)` or `new DatabaseSync(filename)`, on any thread. */
  readonly filename: string;
  /** Resolves when everything committed so far is in the bucket, with the txid it stands at. */
  flush(options?: SignalOptions): Promise<bigint>;
  /** Resolves when readers that start from now on see this transaction. */
  waitForTxid(txid: bigint, options?: SignalOptions): Promise<void>;
  /** Resolves when the local image is complete. Rejects when hydration is off. */
  hydrated(options?: SignalOptions): Promise<void>;
  /**
   * How far the local image is: now, and whenever it is further, until it is complete. What keeps
   * it from that is thrown.
   */
  hydrationProgress(options?: SignalOptions): AsyncIterable<HydrationStatus>;
  status(): Promise<HandleStatus>;
  /** What the mount asks of its store, and what that costs. Waits for nothing. */
  readonly meter: Meter;
  /**
   * Gives the page cache so many bytes, under the connections that are open; see `cacheBytes`.
   * Resolves when a smaller one has given back its memory, with the bytes that it may take.
   */
  resizeCache(cacheBytes: number): Promise<number>;
  /**
   * Makes a writer of a reader, under the connections that are open; a writer stays what it is.
   * When it rejects, the mount is the reader that it was.
   */
  promote(options?: PromoteOptions): Promise<void>;
  /**
   * Makes a reader of a writer, once everything committed is in the bucket; a reader stays what it
   * is. When it rejects, the mount is the writer that it was.
   */
  demote(options?: SignalOptions): Promise<void>;
  /**
   * Calls the listener, on this thread, for each event of this type until the mount is closed.
   * Those from before `mount()` has resolved are told, too, to listeners that are added at once.
   */
  on<Type extends MountEventType>(type: Type, listener: MountEventListener<Type>): MountHandle;
  off<Type extends MountEventType>(type: Type, listener: MountEventListener<Type>): MountHandle;
  /**
   * Opens an earlier moment beside the present one, as the bucket has it: what is committed here
   * and not uploaded is in no past, so `flush()` first. See `PRAGMA headwater_time` for what a
   * string may say. Rejects with MOMENT_NOT_FOUND when no files lead there.
   */
  at(when: string | Date | bigint, options?: SignalOptions): Promise<Past>;
  /** Syncs what is pending, gives the lease back and ends the mount. May be called again. */
  close(): Promise<void>;
}

/** `beganMs` is when it began to be opened, by the monotonic clock. */
export function makeHandle(
  { name, number, ...counted }: MountedAs,
  { prices, beganMs }: { readonly prices: MountOptions["prices"]; readonly beganMs: number },
): MountHandle {
  const mounted: MountRef = { name, number };
  const meter = makeMeter({ ...counted, prices, beganMs });
  let closing: Promise<void> | undefined;
  const call = callsToThisEngine();
  const listeners = new EventListeners();
  afterThisTurn(() => listeners.begin());
  const stopListening = listenTo(number, (event) => listeners.tell(event));
  const handle: MountHandle = {
    name,
    filename: `file:${name}?vfs=headwater`,
    async flush(options) {
      const { txid } = await call("flush", [mounted], options?.signal);
      return BigInt(txid);
    },
    async waitForTxid(txid, options) {
      await call("waitForTxid", [mounted, txid.toString()], options?.signal);
    },
    async hydrated(options) {
      await call("hydrated", [mounted], options?.signal);
    },
    hydrationProgress: (options) => followHydration(handle, options),
    status: async () => ({ ...(await call("status", [mounted])), usage: meter.read() }),
    meter,
    resizeCache: (cacheBytes) => call("resizeCache", [mounted, cacheBytes]),
    async promote({ signal, waitMs } = {}) {
      await call("promote", [mounted, waitMs], signal);
    },
    async demote(options) {
      await call("demote", [mounted], options?.signal);
    },
    on(type, listener) {
      listeners.add(type, listener);
      return handle;
    },
    off(type, listener) {
      listeners.remove(type, listener);
      return handle;
    },
    at: (when, options) => openPast(call, mounted, when, options?.signal),
    close() {
      closing ??= call("close", [mounted])
        .then(() => undefined)
        .finally(stopListening);
      return closing;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
  return handle;
}

/**
 * Mounts the replica at `options.url`, and teaches the program's SQLite libraries to open it.
 *
 * Rejects with a `HeadwaterError` whose code says what is wrong: nothing at the URL, no access, a
 * bad option, a journal or a lease that somebody else holds.
 */
export async function mount(options: MountOptions): Promise<MountHandle> {
  const engineOptions = toEngineOptions(options, environment());
  await ensureEngine(() => registerDrivers(options.drivers));
  const beganMs = systemClock.monotonicMs();
  const mounted = await callEngine("mount", [engineOptions, wanted], options.signal);
  return makeHandle(mounted, { prices: options.prices, beganMs });
}
