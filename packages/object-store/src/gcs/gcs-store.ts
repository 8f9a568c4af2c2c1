/**
 * Objects in a bucket of Google Cloud Storage.
 *
 * Always true:
 *   - One call is one request, but for deleteMany (one per key) and list (one per thousand keys).
 *     So is a step of an upload, but after a failure, when it asks first how far the upload is.
 *   - A version is the generation: a number that grows with every put and never comes again, also
 *     when the bytes are the same.
 *   - Every body is read to its end or torn off, so that no socket is lost.
 *
 * It does not retry, and does not split a large body of a put into parts. One object takes about
 * one write per second; more are THROTTLED.
 */

import { checkRange } from "../byte-range.ts";
import type { Random } from "../clock.ts";
import { ObjectStoreError } from "../errors.ts";
import { HeldUpload, partSizeOf } from "../held-upload.ts";
import { InFlight } from "../in-flight.ts";
import { GCS_DELETES_PARALLEL, LIST_PAGES_MAX } from "../limits.ts";
import { checkKey, checkPrefix } from "../object-key.ts";
import type {
  CallOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  KeyLayout,
  ListOptions,
  ObjectMeta,
  ObjectStore,
  PutOptions,
  Supports,
  Upload,
  UploadOptions,
} from "../object-store.ts";
import { systemRandom } from "../system.ts";
import { metaOfDownload, metaOfResource, pageOfList } from "./gcs-answers.ts";
import { type AuthHeaders, openAuth } from "./gcs-auth.ts";
import { inspectContent } from "./gcs-content.ts";
import {
  foreignAnswer,
  type GcsErrorContext,
  GcsRefusal,
  gcsError,
  toGcsError,
} from "./gcs-errors.ts";
import { type GcsAnswer, GcsHttp, type GcsRequest } from "./gcs-http.ts";
import {
  type GcsStoreOptions,
  GOOGLE_ENDPOINT,
  gcsOptionsProblem,
  isGoogle,
} from "./gcs-options.ts";
import {
  deleteRequest,
  getRequest,
  headRequest,
  listRequest,
  openRequest,
  type PageStart,
  putRequest,
} from "./gcs-requests.ts";
import { GcsUpload } from "./gcs-upload.ts";

/** Rejects with CONFIG_INVALID when the SDK is not installed or the options make no sense. */
export async function openGcsStore(options: GcsStoreOptions): Promise<ObjectStore> {
  const store = `gs://${options.bucket}`;
  const problem = gcsOptionsProblem(options);
  if (problem !== undefined) throw new ObjectStoreError("CONFIG_INVALID", problem, { store });
  return new GcsStore(await openAuth(store, options), options);
}

type Facts = Pick<GcsErrorContext, "operation" | "key" | "condition">;
/** Rejects refusals, but for these statuses. */
type Send = (request: GcsRequest, statuses?: readonly number[]) => Promise<GcsAnswer>;

class GcsStore implements ObjectStore {
  readonly name: string;
  readonly place: string;
  readonly supports: Supports;
  readonly keyLayout: KeyLayout = "path";
  readonly #auth: AuthHeaders;
  readonly #http: GcsHttp;
  readonly #bucket: string;
  readonly #random: Random;
  readonly #inFlight: InFlight;

  constructor(auth: AuthHeaders, options: GcsStoreOptions) {
    this.#auth = auth;
    this.#http = new GcsHttp(options);
    this.#bucket = options.bucket;
    this.#random = options.random ?? systemRandom;
    this.name = `gs://${options.bucket}`;
    this.place = placeOf(options);
    this.#inFlight = new InFlight(this.name);
    this.supports = {
      conditionalCreate: true,
      conditionalUpdate: true,
      conditionalDelete: true,
      // Of Google this is known; an emulator may be anything.
      conditionsTrusted: isGoogle(options),
      suffixRange: true,
      orderedList: true,
      startAfter: true,
      serverDate: true,
      storedTimestamp: true,
      listedTimestamp: true,
      streamedPut: true,
      streamedConditions: true,
      tellsRequests: true,
    };
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    checkKey(key);
    const { range } = options;
    if (range !== undefined) checkRange(range);
    const facts: Facts = { operation: "get", key };
    return this.#call(facts, options, async (send) => {
      const answer = await send(getRequest(this.#bucket, key, range));
      const content = inspectContent(answer, range);
      if (content.type === "unsound") {
        throw gcsError(content.code, content.problem, this.#context(facts));
      }
      const meta = metaOfDownload(answer, key, content.size) ?? this.#refuse(facts);
      const { length, offset } = content.part;
      const isAll = length === answer.body.byteLength;
      return { meta, body: isAll ? answer.body : answer.body.slice(offset, offset + length) };
    });
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    checkKey(key);
    const facts: Facts = { operation: "head", key };
    return this.#call(facts, options, async (send) => {
      const answer = await send(headRequest(this.#bucket, key));
      return metaOfResource(answer, key) ?? this.#refuse(facts);
    });
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    checkKey(key);
    const { condition, timestampMs } = options;
    const facts: Facts = { operation: "put", key, condition: condition.type };
    return this.#call(facts, options, async (send) => {
      this.#checkVersion(condition, facts);
      const answer = await send(putRequest(this.#bucket, key, body, options, this.#random));
      const meta = metaOfResource(answer, key) ?? this.#refuse(facts);
      return { ...meta, timestampMs };
    });
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    checkKey(key);
    const { condition, timestampMs } = options;
    const partSize = partSizeOf(options.sizeMax);
    const facts: Facts = { operation: "openUpload", key, condition: condition.type };
    const path = await this.#call(facts, options, async (send) => {
      this.#checkVersion(condition, facts);
      const { headers } = await send(openRequest(this.#bucket, key, options));
      const { location = "" } = headers;
      if (!URL.canParse(location)) this.#refuse(facts);
      const { pathname, search } = new URL(location);
      return `${pathname}${search}`;
    });
    const upload = new GcsUpload({
      path,
      partSize,
      send: (operation, request, call, statuses) =>
        this.#send({ ...facts, operation }, call, (send) => send(request, statuses)),
      toMeta: (answer) => {
        const completed: Facts = { ...facts, operation: "completeUpload" };
        return { ...(metaOfResource(answer, key) ?? this.#refuse(completed)), timestampMs };
      },
      incomplete: (operation) => {
        const problem = "the store has not all the bytes that were sent";
        return gcsError("UNAVAILABLE", problem, this.#context({ ...facts, operation }));
      },
    });
    return new HeldUpload(key, upload, this.#inFlight.hold());
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    checkKey(key);
    const { condition = { type: "none" } } = options;
    const facts: Facts = { operation: "delete", key, condition: condition.type };
    return this.#call(facts, options, async (send) => {
      this.#checkVersion(condition, facts);
      await this.#deleteOne(send, deleteRequest(this.#bucket, key, condition), facts);
    });
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    const queue = keys.values();
    const failures: unknown[] = [];
    return this.#call({ operation: "deleteMany" }, options, async (send) => {
      const lane = async () => {
        for (const key of queue) {
          options.signal?.throwIfAborted();
          const facts: Facts = { operation: "deleteMany", key };
          const request = deleteRequest(this.#bucket, key);
          await this.#deleteOne(send, request, facts).catch((error) => failures.push(error));
        }
      };
      await Promise.all(Array.from({ length: GCS_DELETES_PARALLEL }, lane));
      if (failures.length > 0) throw failures[0];
    });
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    checkPrefix(prefix);
    const facts: Facts = { operation: "list", key: prefix };
    const startOffset = options.startAfter === "" ? undefined : options.startAfter;
    let pageToken: string | undefined;
    for (let count = 0; count < LIST_PAGES_MAX; count += 1) {
      const page = await this.#page(prefix, { startOffset, pageToken }, facts, options);
      for (const meta of page.metas) if (meta.key !== startOffset) yield meta;
      const next = page.nextPageToken;
      if (next === undefined) return;
      if (next === pageToken) {
        throw gcsError("UNAVAILABLE", "the listing did not advance", this.#context(facts));
      }
      pageToken = next;
    }
    const problem = `more than ${LIST_PAGES_MAX} pages under ${prefix}`;
    throw gcsError("UNSUPPORTED", problem, this.#context(facts));
  }

  async close(): Promise<void> {
    await this.#inFlight.close();
    this.#http.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #page(prefix: string, start: PageStart, facts: Facts, options: CallOptions) {
    return this.#call(facts, options, async (send) => {
      const answer = await send(listRequest(this.#bucket, prefix, start));
      return pageOfList(answer) ?? this.#refuse(facts);
    });
  }

  async #deleteOne(send: Send, request: GcsRequest, facts: Facts): Promise<void> {
    try {
      await send(request);
    } catch (error) {
      const failure = toGcsError(error, this.#context(facts));
      if (failure.code !== "OBJECT_NOT_FOUND") throw failure;
    }
  }

  async #call<Result>(
    facts: Facts,
    options: CallOptions,
    work: (send: Send) => Promise<Result>,
  ): Promise<Result> {
    return this.#inFlight.run(facts.operation, options, () => this.#send(facts, options, work));
  }

  /** For calls that are in flight, and for steps of uploads that are. */
  async #send<Result>(
    facts: Facts,
    options: CallOptions,
    work: (send: Send) => Promise<Result>,
  ): Promise<Result> {
    const { signal, meter } = options;
    // It has no request for several keys.
    const kind = facts.operation === "deleteMany" ? "delete" : facts.operation;
    try {
      return await work(async (request, statuses = []) => {
        const headers = { ...request.headers, ...(await this.#auth(options)) };
        const answer = await this.#http.send({ ...request, headers }, { kind, signal, meter });
        const { status } = answer;
        if ((status < 200 || status > 299) && !statuses.includes(status)) {
          throw new GcsRefusal(answer);
        }
        return answer;
      });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw toGcsError(error, this.#context(facts));
    }
  }

  /** A version that no object of this store can have is not sent: zero means "there is none". */
  #checkVersion(condition: PutOptions["condition"], facts: Facts): void {
    if (condition.type !== "if-version" || /^[1-9]\d{0,18}$/.test(condition.version)) return;
    const problem = "the object has another version or is gone";
    throw gcsError("OBJECT_CHANGED", problem, this.#context(facts));
  }

  #refuse(facts: Facts): never {
    throw foreignAnswer(this.#context(facts));
  }

  #context(facts: Facts): GcsErrorContext {
    return { ...facts, store: this.name, bucket: this.#bucket, host: this.#http.host };
  }
}

function placeOf({ bucket, endpoint = GOOGLE_ENDPOINT }: GcsStoreOptions): string {
  const { origin, pathname } = new URL(endpoint);
  return `${origin}${pathname.replace(/\/*$/, "/")}${bucket}`;
}
