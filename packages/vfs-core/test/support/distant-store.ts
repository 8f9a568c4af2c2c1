/**
 * A store that is far away: every request takes the same time, and a listing one request for each
 * thousand keys, as S3's do. With an `IdleClock`, the time that has passed is a number of round
 * trips.
 */

import type { ObjectMeta, ObjectStore } from "@headwater/object-store";
import type { Clock } from "../../src/clock.ts";

export const LATENCY_MS = 1000;
const LIST_PAGE_KEYS = 1000;

export interface DistantRequest {
  readonly operation: "get" | "head" | "list" | "put" | "delete";
  readonly key: string;
  /** Bytes of the answer's body. */
  bytes: number;
  readonly startMs: number;
  isAborted: boolean;
}

export interface DistantStore extends ObjectStore {
  readonly requests: DistantRequest[];
  /** The most requests that were under way at once. */
  readonly parallelMax: number;
  /** How long a request takes, from now on. */
  latencyMs: number | ((request: DistantRequest) => number);
}

interface Call {
  readonly signal?: AbortSignal | undefined;
}

export function distantStore(inner: ObjectStore, clock: Clock): DistantStore {
  const requests: DistantRequest[] = [];
  let parallel = 0;
  let parallelMax = 0;
  const travel = async (
    operation: DistantRequest["operation"],
    key: string,
    { signal }: Call = {},
  ): Promise<DistantRequest> => {
    const startMs = clock.monotonicMs();
    const request: DistantRequest = { operation, key, bytes: 0, startMs, isAborted: false };
    requests.push(request);
    parallel += 1;
    parallelMax = Math.max(parallelMax, parallel);
    const { latencyMs } = store;
    const durationMs = typeof latencyMs === "number" ? latencyMs : latencyMs(request);
    try {
      await clock.sleep(durationMs, { signal });
    } catch (error) {
      request.isAborted = true;
      throw error;
    } finally {
      parallel -= 1;
    }
    return request;
  };
  const store: DistantStore = {
    latencyMs: LATENCY_MS,
    requests,
    get parallelMax() {
      return parallelMax;
    },
    name: `distant(${inner.name})`,
    place: inner.place,
    supports: inner.supports,
    keyLayout: inner.keyLayout,
    async get(key, options) {
      const request = await travel("get", key, options);
      const result = await inner.get(key, options);
      request.bytes = result.body.byteLength;
      return result;
    },
    async head(key, options) {
      await travel("head", key, options);
      return inner.head(key, options);
    },
    async put(key, body, options) {
      await travel("put", key, options);
      return inner.put(key, body, options);
    },
    openUpload: (key, options) => inner.openUpload(key, options),
    async delete(key, options) {
      await travel("delete", key, options);
      return inner.delete(key, options);
    },
    deleteMany: (keys, options) => inner.deleteMany(keys, options),
    async *list(prefix, options): AsyncIterable<ObjectMeta> {
      let left = 0;
      for await (const meta of inner.list(prefix, options)) {
        if (left === 0) {
          await travel("list", prefix, options);
          left = LIST_PAGE_KEYS;
        }
        left -= 1;
        yield meta;
      }
      if (left === 0) await travel("list", prefix, options);
    },
    close: () => inner.close(),
    [Symbol.asyncDispose]: () => inner.close(),
  };
  return store;
}
