/**
 * A replica for work without a mount: restoring, importing, looking into it, putting it right.
 *
 * It holds nothing open: whoever opened the store closes it.
 */

import { type ObjectStore, RequestCounts } from "@headwater/object-store";
import type { Clock, Random } from "../clock.ts";
import { layerStore } from "../layer-store.ts";
import { RequestQueue } from "../read/request-queue.ts";
import { makeReplica, type Replica } from "../replica.ts";
import { systemClock, systemRandom } from "../system.ts";

export interface OfflineReplicaOptions {
  readonly store: ObjectStore;
  /** Where in the store the replica lies. */
  readonly path: string;
  /** For messages; what could be secret in it is left out of them. */
  readonly url: string;
  /** How long a request may go without an answer, about. */
  readonly requestTimeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

export interface OfflineReplica {
  readonly replica: Replica;
  /** The store without retries, for what has its own. */
  readonly once: ObjectStore;
  readonly queue: RequestQueue;
  readonly counts: RequestCounts;
  readonly random: Random;
}

const REQUEST_TIMEOUT_MS = 30_000;

export function openOfflineReplica(options: OfflineReplicaOptions): OfflineReplica {
  const { store, path, url, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  const { clock = systemClock, random = systemRandom } = options;
  const counts = new RequestCounts();
  const layers = { store, requestTimeoutMs, onRequest: counts.add, clock, random };
  const { once, again } = layerStore(layers);
  const replica = makeReplica({ store: again, path, url, clock });
  return { replica, once, queue: new RequestQueue(), counts, random };
}
