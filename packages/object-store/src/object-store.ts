/**
 * The one interface of this package: bytes by key, with conditions.
 *
 * Always true, of every store and of every wrapper:
 *   - A put is all or nothing. Nobody ever sees half an object.
 *   - Nothing is overwritten unless the caller said so: a put names its condition.
 *   - A store that cannot keep a condition refuses it with UNSUPPORTED before it sends anything.
 *   - After a put or delete was answered, every later get, head and list shows it.
 *   - A call whose signal is aborted rejects with `signal.reason`, unchanged. An aborted put or
 *     delete may or may not have happened.
 *
 * It does not retry (layers/retrying.ts), does not limit (layers/limited.ts) and does not know what
 * the objects hold.
 */

/** The state of one object, as its store names it: an ETag or a generation. Compare, never read. */
export type ObjectVersion = string;

/** Where Litestream keeps LTX files on this kind of store; see `ObjectStore.keyLayout`. */
export type KeyLayout =
  | "s3" //    <path>/<level as four hex digits>/<name>
  | "path"; // <path>/ltx/<level in decimal>/<name>

export type ByteRange =
  | { readonly offset: number; readonly length: number }
  | { readonly offset: number }
  | { readonly suffix: number };

export type PutCondition =
  | { readonly type: "none" }
  | { readonly type: "if-absent" }
  | { readonly type: "if-version"; readonly version: ObjectVersion };

export type DeleteCondition =
  | { readonly type: "none" }
  | { readonly type: "if-version"; readonly version: ObjectVersion };

/**
 * Told of each request that a call makes of its store, as stores bill them. Does no work of its
 * own, and never throws.
 */
export interface RequestMeter {
  /** It is on its way: the store may have it from now on, and bill it whatever comes of it. */
  sent(kind: Operation, bytes: number): void;
  /** It is over. Failed: there was no answer, or one that says that the store could not. */
  ended(kind: Operation, bytesReceived: number, isFailed: boolean): void;
  /** It is going to be sent again. */
  retried(kind: Operation): void;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** See `Supports.tellsRequests`. */
  readonly meter?: RequestMeter | undefined;
}

export interface GetOptions extends CallOptions {
  /**
   * Cut short at the end of the object. A range that holds no byte of it is RANGE_UNSATISFIABLE;
   * so is any range of an empty object.
   */
  readonly range?: ByteRange | undefined;
}

export interface PutOptions extends CallOptions {
  readonly condition: PutCondition;
  /** When the content came to be. Kept where Litestream keeps it on this kind of store. */
  readonly timestampMs?: number | undefined;
  readonly contentType?: string | undefined;
  /** For objects that change in place: asks caches between here and the store to keep no copy. */
  readonly noCache?: boolean | undefined;
}

export interface UploadOptions extends PutOptions {
  /** The most bytes that may come. The size of the parts follows from it. */
  readonly sizeMax: number;
}

export interface DeleteOptions extends CallOptions {
  readonly condition?: DeleteCondition | undefined;
}

export interface ListOptions extends CallOptions {
  /** Only keys after this one, which need not exist. */
  readonly startAfter?: string | undefined;
}

export interface ObjectMeta {
  readonly key: string;
  /** Bytes of the whole object, also when only a range of it was read. */
  readonly size: number;
  readonly version: ObjectVersion;
  /** When the object was put, by the store's clock. */
  readonly lastModifiedMs: number;
  /** The `timestampMs` of the put, where the store tells it; see `Supports.listedTimestamp`. */
  readonly timestampMs?: number | undefined;
  /** The store's clock when it gave this answer. Only differences to `lastModifiedMs` mean much. */
  readonly serverDateMs?: number | undefined;
}

export interface GetResult {
  readonly meta: ObjectMeta;
  /** Belongs to the caller. After a suffix range it starts at `meta.size - body.byteLength`. */
  readonly body: Uint8Array;
}

/**
 * An object that comes in parts. Nobody sees it before `complete` has made it one, in one step.
 *
 * Whoever opened it ends it: with `complete`, and with `abort` unless that resolved. Until then it
 * is work in flight, which `close` of the store waits for.
 */
export interface Upload {
  readonly key: string;
  /** Bytes of each part but the last, which may be shorter, and may be the only one. */
  readonly partSize: number;
  /** Parts that may be on their way at once. One: each has to come after the one before it. */
  readonly partsParallel: number;

  /**
   * Parts count from zero. One may be sent again, with the same bytes, whatever became of it. The
   * body must not change until the call has settled. OBJECT_NOT_FOUND: there is no such upload.
   */
  putPart(index: number, body: Uint8Array, options?: CallOptions): Promise<void>;

  /**
   * Makes the object out of all parts, if the condition holds now. Rejects as `put` does, and with
   * OUTCOME_UNKNOWN when the answer got lost, whether or not there was a condition.
   */
  complete(options?: CallOptions): Promise<ObjectMeta>;

  /** Drops what was sent. May be called whatever happened, and again; takes no object back. */
  abort(options?: CallOptions): Promise<void>;
}

/** What a store can do. Data, so that callers decide before they depend on it. */
export interface Supports {
  /** Put if-absent. False: refused. */
  readonly conditionalCreate: boolean;
  /** Put if-version. False: refused. */
  readonly conditionalUpdate: boolean;
  /** Delete if-version. False: refused. */
  readonly conditionalDelete: boolean;
  /**
   * The conditions above are known to hold, also among calls at the same moment. Unless it is true,
   * whoever depends on them asks the store first; see `conditionsProblem`.
   */
  readonly conditionsTrusted?: boolean | undefined;
  /** `{ suffix }` ranges. False: refused. */
  readonly suffixRange: boolean;
  /** False: the listing is collected and sorted here before the first key is given out. */
  readonly orderedList: boolean;
  /** False: `startAfter` works, but the keys before it are read and dropped here. */
  readonly startAfter: boolean;
  /** Answers carry `serverDateMs`. */
  readonly serverDate: boolean;
  /** `timestampMs` of a put comes back in get and head. */
  readonly storedTimestamp: boolean;
  /** ... and in list. */
  readonly listedTimestamp: boolean;
  /** Objects can come in parts. False: `openUpload` is refused. */
  readonly streamedPut: boolean;
  /** ... and the conditions of puts hold for them too. False: only unconditional ones are taken. */
  readonly streamedConditions: boolean;
  /** deleteMany takes a request for a thousand keys. Unless true, it may be one for each key. */
  readonly batchedDelete?: boolean | undefined;
  /** The `meter` of a call hears of its requests. Unless true, `tellingRequests` sees to it. */
  readonly tellsRequests?: boolean | undefined;
}

export interface ObjectStore extends AsyncDisposable {
  /** For messages. Wrappers nest: `retrying(prefixed(s3://bucket))`. Holds no credentials. */
  readonly name: string;
  /**
   * The server and the bucket behind it, as a URL without credentials. What is found out about one
   * store holds for every other of the same place. Undefined: nobody can tell.
   */
  readonly place?: string | undefined;
  readonly supports: Supports;
  /** How Litestream lays out a replica on this kind of store. */
  readonly keyLayout: KeyLayout;

  /** Rejects with OBJECT_NOT_FOUND when there is no such object. */
  get(key: string, options?: GetOptions): Promise<GetResult>;

  /** Rejects with OBJECT_NOT_FOUND when there is no such object. */
  head(key: string, options?: CallOptions): Promise<ObjectMeta>;

  /**
   * If-absent rejects with OBJECT_EXISTS when there is one. If-version rejects with OBJECT_CHANGED
   * when the object has another version or is gone. A conditional put whose answer got lost rejects
   * with OUTCOME_UNKNOWN. The body must not change until the put has settled.
   */
  put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta>;

  /**
   * Begins an object of up to `sizeMax` bytes that comes in parts: for callers that cannot hold it
   * whole. `putStream` does the rest.
   */
  openUpload(key: string, options: UploadOptions): Promise<Upload>;

  /**
   * Resolves when there was no such object. If-version rejects with OBJECT_CHANGED for another
   * version; some stores say the same of an object that is gone, others resolve.
   */
  delete(key: string, options?: DeleteOptions): Promise<void>;

  /**
   * Any number of keys, not as one step. That one key cannot be deleted does not keep the others;
   * it rejects with the first such failure at the end.
   */
  deleteMany(keys: readonly string[], options?: CallOptions): Promise<void>;

  /** In ascending order of the UTF-8 bytes of the key, always. Puts made meanwhile may show. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectMeta>;

  /** Waits for work in flight; further calls reject with STORE_CLOSED. May be called again. */
  close(): Promise<void>;
}

/** The operations of a store, as layers and error messages name them. */
export type Operation = "get" | "head" | "put" | UploadOperation | "delete" | "deleteMany" | "list";

export type UploadOperation = "openUpload" | "putPart" | "completeUpload" | "abortUpload";
