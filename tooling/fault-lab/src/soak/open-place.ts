/**
 * Where a soak writes: a place that somebody names, or one on a server that is started for it.
 */

import { startCeph } from "@headwater/servers";
import type { Place } from "../processes/run-processes.ts";

export interface OpenPlace extends Pick<Place, "url" | "storeOptions">, AsyncDisposable {}

export async function openPlace(url: string | undefined): Promise<OpenPlace> {
  if (url !== undefined) return { url, [Symbol.asyncDispose]: async () => {} };
  const server = await startCeph();
  const { bucket, endpoint, accessKeyId, secretAccessKey, region } = server;
  return {
    url: `s3://${bucket}/soak/stock.db`,
    storeOptions: { endpoint, accessKeyId, secretAccessKey, region },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
