/**
 * Pages of a replica for programs without SQLite.
 *
 *     await using replica = await openReplica({ store, path, url });
 *     using snapshot = replica.snapshot();
 *     const first = await snapshot.readPage(1);
 */

import { LocalDeviceFactory, type PageSnapshot } from "./device/local-device.ts";
import { type Mount, openMount } from "./mount.ts";
import type { ReadMountOptions } from "./options.ts";

export interface OpenReplicaOptions extends Omit<ReadMountOptions, "mode" | "name"> {
  readonly name?: string | undefined;
}

export interface OpenedReplica extends AsyncDisposable {
  /** Status, following and closing. */
  readonly mount: Mount;
  /** The newest state; later ones do not show through it. */
  snapshot(): PageSnapshot;
  close(): Promise<void>;
}

export async function openReplica(options: OpenReplicaOptions): Promise<OpenedReplica> {
  const factory = new LocalDeviceFactory();
  const name = options.name ?? "replica";
  const mount = await openMount({ ...options, name, mode: "read" }, factory);
  const device = factory.device!;
  return {
    mount,
    snapshot: () => device.snapshot(),
    close: () => mount.close(),
    [Symbol.asyncDispose]: () => mount.close(),
  };
}
