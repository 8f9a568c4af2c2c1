/**
 * Litestream's configuration as options of a mount.
 *
 * Where the two differ: commits wait in a folder of the replica's own beside the path of
 * Litestream's buffer, which it would empty; and whoever wants to write waits for the lease of a
 * writer that has just gone, which Litestream has no notion of.
 */

import type { EngineMountOptions } from "../engine/engine-mount-options.ts";
import { journalFolderName, toEngineOptions } from "../options.ts";
import type { Settings } from "./settings.ts";

/** Longer than the lease of a writer that was killed lasts. */
export const LEASE_WAIT_MS = 60_000;

/** What one mount is made of: connections with the same of it share the mount. */
export type MountSettings = Omit<Settings, "logLevel" | "logFile"> & {
  readonly replicaUrl: string;
  readonly writeEnabled: boolean;
  readonly hydrationEnabled: boolean;
};

export function toAskedOptions(
  settings: MountSettings,
  env: NodeJS.ProcessEnv,
): EngineMountOptions {
  const { replicaUrl, writeEnabled, bufferPath, hydrationEnabled, hydrationPath } = settings;
  const { syncIntervalMs, pollIntervalMs, cacheBytes } = settings;
  const options = toEngineOptions(
    {
      url: replicaUrl,
      mode: writeEnabled ? "write" : "read",
      lease: { waitMs: LEASE_WAIT_MS },
      ...(bufferPath !== undefined && {
        journalDir: `${bufferPath}-${journalFolderName({ url: replicaUrl }, env)}`,
      }),
      ...(hydrationEnabled && { hydrate: hydrationPath ? { path: hydrationPath } : true }),
      ...(syncIntervalMs !== undefined && { syncIntervalMs }),
      ...(pollIntervalMs !== undefined && { pollIntervalMs }),
      ...(cacheBytes !== undefined && { cacheBytes }),
    },
    env,
  );
  // Nobody opens it by this name, so it must not be one that a program chooses.
  return { ...options, name: `litestream:${options.name}` };
}
