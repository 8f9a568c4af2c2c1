/**
 * One small object on each kind of store, on loopback, and how to ask for it.
 */

import { pathToFileURL } from "node:url";
import { openStore } from "@headwater/object-store";
import { SERVERS } from "@headwater/servers";
import type { BenchRun } from "../../bench-run.ts";
import type { Adapter, ColdStartJob } from "./cold-start-job.ts";

export interface ColdStartStore {
  readonly job: Omit<ColdStartJob, "way">;
  stop(): Promise<void>;
}

const PATH = "cold-start";
const NAME = "object";
const BODY = new Uint8Array(4096).fill(7);

export async function startColdStartStore(
  adapter: Adapter,
  run: BenchRun,
): Promise<ColdStartStore> {
  const place = await PLACES[adapter](run);
  const { stop, ...rest } = place;
  const job = { account: "", endpoint: "", bucket: "", storeOptions: {}, ...rest, adapter };
  const { store, path } = await openStore(job.url, job.storeOptions);
  const key = path === "" ? NAME : `${path}/${NAME}`;
  await store.put(key, BODY, { condition: { type: "none" } });
  await store.close();
  return { job: { ...job, key }, stop: stop ?? (async () => undefined) };
}

type Place = Pick<ColdStartJob, "url"> &
  Partial<Omit<ColdStartJob, "way" | "adapter" | "key">> & { stop?(): Promise<void> };

const PLACES: Readonly<Record<Adapter, (run: BenchRun) => Promise<Place>>> = {
  memory: async () => ({ url: `memory:${PATH}` }),
  file: async ({ folder }) => ({ url: pathToFileURL(`${folder}/${PATH}`).href }),
  s3: async () => {
    const { stop, bucket, endpoint, region, accessKeyId, secretAccessKey } = await SERVERS.ceph({});
    const storeOptions = { endpoint, region, accessKeyId, secretAccessKey };
    return { url: `s3://${bucket}/${PATH}`, bucket, endpoint, storeOptions, stop };
  },
  gcs: async () => {
    const { stop, bucket, endpoint } = await SERVERS["gcs-fake"]({});
    const storeOptions = { endpoint };
    return { url: `gs://${bucket}/${PATH}`, bucket, endpoint, storeOptions, stop };
  },
  azure: async () => {
    const { stop, bucket, endpoint, account, accountKey } = await SERVERS.azurite({});
    const url = `abs://${account}@${bucket}/${PATH}`;
    return { url, bucket, endpoint, account, storeOptions: { endpoint, accountKey }, stop };
  },
};
