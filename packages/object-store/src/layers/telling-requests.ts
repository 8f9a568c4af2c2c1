/**
 * Tells meters of the requests of a store that does not do so itself: one per call, or per step of
 * an upload, and of a listing one per thousand keys. For folders and memory, where a call is all
 * that there is, and for stores of others, which know better and may say so.
 */

import { LIST_PAGE_KEYS } from "../limits.ts";
import type {
  CallOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  ListOptions,
  ObjectMeta,
  ObjectStore,
  Operation,
  PutOptions,
  Supports,
  Upload,
  UploadOptions,
} from "../object-store.ts";
import { isFailure, RequestCount } from "../request-count.ts";
import { carriedUpload } from "./carried-upload.ts";
import { Layer } from "./layer.ts";

/** The store itself, if it tells of its requests. */
export function tellingRequests(store: ObjectStore): ObjectStore {
  return store.supports.tellsRequests === true ? store : new TellingStore(store);
}

class TellingStore extends Layer implements ObjectStore {
  override readonly supports: Supports;

  constructor(inner: ObjectStore) {
    super(inner);
    this.supports = { ...inner.supports, tellsRequests: true };
  }

  get(key: string, options?: GetOptions): Promise<GetResult> {
    return told("get", 0, options, () => this.inner.get(key, options), bytesOf);
  }

  head(key: string, options?: CallOptions): Promise<ObjectMeta> {
    return told("head", 0, options, () => this.inner.head(key, options));
  }

  put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    const send = () => this.inner.put(key, body, options);
    return told("put", body.byteLength, options, send);
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    const open = () => this.inner.openUpload(key, options);
    const upload = await told("openUpload", 0, options, open);
    return carriedUpload(upload, ({ operation, byteLength, options: given, send }) =>
      told(operation, byteLength, given, () => send(given)),
    );
  }

  delete(key: string, options?: DeleteOptions): Promise<void> {
    return told("delete", 0, options, () => this.inner.delete(key, options));
  }

  deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    return told("deleteMany", 0, options, () => this.inner.deleteMany(keys, options));
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    const { meter } = options;
    const begin = (): RequestCount => {
      const count = new RequestCount({ kind: "list", meter });
      count.start();
      return count;
    };
    let page = begin();
    let keys = 0;
    try {
      for await (const meta of this.inner.list(prefix, options)) {
        if (keys > 0 && keys % LIST_PAGE_KEYS === 0) {
          page.end(false);
          page = begin();
        }
        keys += 1;
        yield meta;
      }
    } catch (error) {
      page.end(isFailure(error));
      throw error;
    } finally {
      page.end(false);
    }
  }
}

async function told<Result>(
  kind: Operation,
  bytesSent: number,
  { meter }: CallOptions = {},
  send: () => Promise<Result>,
  bytesReceived: (result: Result) => number = () => 0,
): Promise<Result> {
  const count = new RequestCount({ kind, meter }, bytesSent);
  count.start();
  try {
    const result = await send();
    count.receive(bytesReceived(result));
    count.end(false);
    return result;
  } catch (error) {
    count.end(isFailure(error));
    throw error;
  }
}

function bytesOf({ body }: GetResult): number {
  return body.byteLength;
}
