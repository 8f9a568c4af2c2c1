/**
 * A replica made available to SQL in this process, without opening a connection.
 */

import type { MountStatus } from "@headwater/vfs-core";
import { registerDrivers } from "./drivers.ts";
import { callEngine, ensureEngine } from "./engine/engine-client.ts";
import { type MountOptions, toEngineOptions } from "./options.ts";
import { environment } from "./system.ts";

export interface SignalOptions {
  readonly signal?: AbortSignal;
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
  status(): Promise<MountStatus>;
  /** Syncs what is pending, gives the lease back and ends the mount. May be called again. */
  close(): Promise<void>;
}

export function makeHandle(name: string): MountHandle {
  let closing: Promise<void> | undefined;
  const handle: MountHandle = {
    name,
    filename: `file:${name}?vfs=headwater`,
    async flush(options) {
      const { txid } = await callEngine("flush", [name], options?.signal);
      return BigInt(txid);
    },
    async waitForTxid(txid, options) {
      await callEngine("waitForTxid", [name, txid.toString()], options?.signal);
    },
    async hydrated(options) {
      await callEngine("hydrated", [name], options?.signal);
    },
    status: () => callEngine("status", [name]),
    close() {
      closing ??= callEngine("close", [name]).then(() => undefined);
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
  const { name } = await callEngine("mount", [engineOptions], options.signal);
  return makeHandle(name);
}
