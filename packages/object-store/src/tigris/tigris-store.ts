/**
 * Objects in a bucket of Tigris: the S3 adapter, set up for that provider wherever it is reached.
 *
 * Always true: every request asks for the newest state (`X-Tigris-Consistent`), so that conditions
 * are judged by it, and what was put is seen from every region.
 */

import type { ObjectStore } from "../object-store.ts";
import { TIGRIS } from "../s3/quirks.ts";
import type { S3StoreOptions } from "../s3/s3-options.ts";
import { openS3Store } from "../s3/s3-store.ts";

export const TIGRIS_ENDPOINT = "https://t3.storage.dev";

/**
 * Those of S3. Undefined is here: endpoint `https://t3.storage.dev`, region `auto`, the bucket in
 * the host name.
 */
export type TigrisStoreOptions = S3StoreOptions;

/** As `openS3Store`. */
export async function openTigrisStore(options: TigrisStoreOptions): Promise<ObjectStore> {
  return openS3Store({
    ...options,
    name: options.name ?? `tigris://${options.bucket}`,
    endpoint: options.endpoint ?? TIGRIS_ENDPOINT,
    quirks: { ...TIGRIS, ...options.quirks },
  });
}
