/**
 * Objects in a bucket of S3, or of a server that speaks its API.
 *
 * Always true:
 *   - One call, or one step of an upload, is one request, but for deleteMany and list (one per
 *     thousand keys), for the first head that finds nothing (which asks whether there is a bucket
 *     at all), for a get or head that is denied (which asks a listing whether there is such an
 *     object), and for what the client asks first: the region that nobody named, a session.
 *   - No request waits for a socket: calls wait for their turn before anything is sent, so that no
 *     time limit of the connection or of the answer counts that wait.
 *   - Every body is read to its end or torn off, so that no socket is lost.
 *   - A version is the ETag, quotes included. On most servers that is a hash of the content: the
 *     same bytes put twice have the same version.
 *
 * It does not retry, and does not split a large body of a put into parts.
 */

import { checkRange } from "../byte-range.ts";
import type { Clock } from "../clock.ts";
import { ObjectStoreError } from "../errors.ts";
import { HeldUpload, partSizeOf } from "../held-upload.ts";
import type { HttpAnswer } from "../http-client.ts";
import { InFlight } from "../in-flight.ts";
import { inKeyOrder } from "../key-order.ts";
import {
  DELETE_BATCH_KEYS,
  LIST_PAGES_MAX,
  LIST_SORT_KEYS_MAX,
  S3_CLOCK_CORRECTION_MS_MIN,
  S3_SOCKETS_MAX,
} from "../limits.ts";
import { checkKey, checkPrefix, compareKeys } from "../object-key.ts";
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
import { systemClock, systemEnvironment } from "../system.ts";
import { Turns } from "../turns.ts";
import { isAws, quirksOf, type S3Quirks } from "./quirks.ts";
import { deleteFailuresOf, metaOfHeaders, pageOf, type S3Page } from "./s3-answers.ts";
import { defaultCredentials } from "./s3-chain.ts";
import { S3Client, type S3ClientOptions } from "./s3-client.ts";
import { inspectContent } from "./s3-content.ts";
import { isUnnamedNotFound, type S3ErrorContext, s3Error, toS3Error } from "./s3-errors.ts";
import { type S3StoreOptions, s3OptionsProblem, withEnvironment } from "./s3-options.ts";
import {
  deleteManyRequest,
  deleteRequest,
  getRequest,
  headBucketRequest,
  headRequest,
  type ListStart,
  listRequest,
  putRequest,
} from "./s3-requests.ts";
import { openS3Upload, type S3UploadStore } from "./s3-upload.ts";

/**
 * Rejects with CONFIG_INVALID when the options make no sense, or when there are no keys in them and
 * what looks for keys elsewhere is not installed.
 */
export async function openS3Store(options: S3StoreOptions): Promise<ObjectStore> {
  const store = nameOf(options);
  const env = options.env ?? systemEnvironment();
  const all = withEnvironment(options, env);
  const problem = s3OptionsProblem(all);
  if (problem !== undefined) throw new ObjectStoreError("CONFIG_INVALID", problem, { store });
  const { bucket, endpoint = AWS_ENDPOINT } = all;
  const quirks = { ...quirksOf(all.endpoint, bucket), ...all.quirks };
  const region = all.region ?? (isAws(new URL(endpoint).hostname) ? quirks.region : undefined);
  const credentials = all.credentials ?? (await defaultCredentials(store, region, env));
  return new S3Store({ ...all, credentials }, quirks);
}

const AWS_ENDPOINT = "https://amazonaws.com";

type Facts = Pick<S3ErrorContext, "operation" | "key" | "condition">;

class S3Store implements ObjectStore {
  readonly name: string;
  readonly place: string;
  readonly supports: Supports;
  readonly keyLayout: KeyLayout = "s3";
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #options: S3StoreOptions;
  readonly #quirks: S3Quirks;
  readonly #clock: Clock;
  readonly #inFlight: InFlight;
  readonly #turns: Turns;
  #bucketSeen = false;

  constructor(options: S3ClientOptions, quirks: S3Quirks) {
    this.#client = new S3Client(options, quirks);
    this.#bucket = options.bucket;
    this.#options = options;
    this.#quirks = quirks;
    this.#clock = options.clock ?? systemClock;
    this.name = nameOf(options);
    this.place = placeOf(options);
    this.#inFlight = new InFlight(this.name);
    this.#turns = new Turns(options.socketsMax ?? S3_SOCKETS_MAX);
    this.supports = {
      conditionalCreate: quirks.conditionalCreate,
      conditionalUpdate: quirks.conditionalUpdate,
      conditionalDelete: quirks.conditionalDelete,
      conditionsTrusted: quirks.conditionsTrusted,
      suffixRange: true,
      orderedList: quirks.orderedList,
      startAfter: quirks.startAfter,
      serverDate: quirks.serverDate,
      storedTimestamp: true,
      listedTimestamp: false,
      streamedPut: true,
      streamedConditions: quirks.streamedConditions,
      batchedDelete: true,
      tellsRequests: true,
    };
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    checkKey(key);
    const { range } = options;
    if (range !== undefined) checkRange(range);
    const facts = { operation: "get", key } as const;
    const request = getRequest(key, range, this.#options.encryption);
    return this.#read(facts, options, async () => {
      const answer = await this.#client.send(request, options);
      const content = inspectContent(range, answer);
      if (content.type === "unsound") {
        throw s3Error(content.code, content.problem, this.#context(facts));
      }
      const { offset, length } = content.part;
      const read = answer.body;
      const body = length === read.byteLength ? read : read.slice(offset, offset + length);
      return { meta: this.#meta(key, content.size, answer), body };
    });
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    checkKey(key);
    const facts = { operation: "head", key } as const;
    const request = headRequest(key, this.#options.encryption);
    return this.#read(facts, options, async () => {
      try {
        const answer = await this.#client.send(request, options);
        return this.#meta(key, this.#sizeOf(answer, facts), answer);
      } catch (error) {
        if (isUnnamedNotFound(error) && !this.#bucketSeen) await this.#lookForBucket(options);
        throw error;
      }
    });
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    checkKey(key);
    const { condition } = options;
    const facts: Facts = { operation: "put", key, condition: condition.type };
    if (condition.type === "if-absent") this.#need("conditionalCreate", facts);
    if (condition.type === "if-version") this.#need("conditionalUpdate", facts);
    const request = putRequest(key, body, options, this.#options);
    return this.#call(facts, options, async () => {
      const answer = await this.#client.send(request, options);
      this.#expectS3(answer, facts);
      const { timestampMs } = options;
      return { ...this.#meta(key, body.byteLength, answer), timestampMs };
    });
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    checkKey(key);
    const { condition } = options;
    const partSize = partSizeOf(options.sizeMax);
    const facts: Facts = { operation: "openUpload", key, condition: condition.type };
    if (condition.type !== "none") this.#need("streamedConditions", facts);
    const store: S3UploadStore = {
      client: this.#client,
      options: this.#options,
      send: (operation, call, work) => this.#send({ ...facts, operation }, call, work),
      expectS3: (operation, answer) => this.#expectS3(answer, { ...facts, operation }),
      toMeta: (size, answer) => ({
        ...this.#meta(key, size, answer),
        timestampMs: options.timestampMs,
      }),
    };
    const { partsParallel } = this.#quirks;
    const upload = await this.#call(facts, options, () =>
      openS3Upload(store, { key, partSize, partsParallel, upload: options }),
    );
    return new HeldUpload(key, upload, this.#inFlight.hold());
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    checkKey(key);
    const { condition = { type: "none" } } = options;
    const facts: Facts = { operation: "delete", key, condition: condition.type };
    if (condition.type === "if-version") this.#need("conditionalDelete", facts);
    const request = deleteRequest(key, condition);
    try {
      await this.#call(facts, options, async () =>
        this.#expectS3(await this.#client.send(request, options), facts),
      );
    } catch (error) {
      if (!ObjectStoreError.is(error, "OBJECT_NOT_FOUND")) throw error;
    }
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    let failure: unknown;
    for (let start = 0; start < keys.length; start += DELETE_BATCH_KEYS) {
      const batch = keys.slice(start, start + DELETE_BATCH_KEYS);
      const failed = await this.#call({ operation: "deleteMany" }, options, () =>
        this.#deleteBatch(batch, options),
      );
      failure ??= failed;
    }
    if (failure !== undefined) throw failure;
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    checkPrefix(prefix);
    if (this.#quirks.orderedList) {
      const context = this.#context({ operation: "list", key: prefix });
      yield* inKeyOrder(this.#pages(prefix, options), (problem) =>
        s3Error("UNSUPPORTED", problem, context),
      );
      return;
    }
    const all: ObjectMeta[] = [];
    for await (const page of this.#pages(prefix, options)) {
      all.push(...page);
      if (all.length > LIST_SORT_KEYS_MAX) {
        const problem = `more than ${LIST_SORT_KEYS_MAX} keys to be sorted under ${prefix}`;
        throw s3Error("UNSUPPORTED", problem, this.#context({ operation: "list" }));
      }
    }
    yield* all.sort((a, b) => compareKeys(a.key, b.key));
  }

  async close(): Promise<void> {
    await this.#inFlight.close();
    this.#client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#pages(prefix: string, options: ListOptions): AsyncIterable<readonly ObjectMeta[]> {
    const facts: Facts = { operation: "list", key: prefix };
    const startAfter = options.startAfter === "" ? undefined : options.startAfter;
    const there = this.#quirks.startAfter ? startAfter : undefined;
    const { folderPrefixes } = this.#quirks;
    const sent = folderPrefixes ? prefix.slice(0, prefix.lastIndexOf("/") + 1) : prefix;
    let token: string | undefined;
    for (let page = 0; page < LIST_PAGES_MAX; page += 1) {
      const start = { prefix: sent, startAfter: there, token };
      const { metas, nextToken: next } = await this.#call(facts, options, () =>
        this.#listPage(start, options),
      );
      // Also where the server is asked for it: some know nothing of start-after.
      const isAfter = (key: string) => startAfter === undefined || compareKeys(key, startAfter) > 0;
      yield metas.filter(({ key }) => key.startsWith(prefix) && isAfter(key));
      if (next === undefined) return;
      if (next === token) {
        throw s3Error("UNAVAILABLE", "the listing did not advance", this.#context(facts));
      }
      token = next;
    }
    const problem = `more than ${LIST_PAGES_MAX} pages under ${prefix}`;
    throw s3Error("UNSUPPORTED", problem, this.#context(facts));
  }

  async #listPage(start: ListStart, call: CallOptions): Promise<S3Page> {
    const page = pageOf(await this.#client.send(listRequest(start), call));
    if (page === undefined) throw this.#notS3({ operation: "list", key: start.prefix });
    return page;
  }

  /** The first failure of a batch, if any. */
  async #deleteBatch(keys: readonly string[], call: CallOptions): Promise<unknown> {
    const request = await deleteManyRequest(keys, this.#options.requireContentMd5);
    const answer = await this.#client.send(request, call);
    this.#expectS3(answer, { operation: "deleteMany" });
    const failed = deleteFailuresOf(answer).find(({ code }) => code !== "NoSuchKey");
    if (failed === undefined) return undefined;
    const error = Object.assign(new Error(failed.message), { name: failed.code });
    return toS3Error(error, this.#context({ operation: "deleteMany", key: failed.key }));
  }

  /** Throws NoSuchBucket when that is what a bare 404 meant. */
  async #lookForBucket(call: CallOptions): Promise<void> {
    try {
      await this.#client.send(headBucketRequest(), call);
    } catch (error) {
      if (isUnnamedNotFound(error)) {
        throw Object.assign(new Error("no such bucket", { cause: error }), {
          name: "NoSuchBucket",
        });
      }
    }
    this.#bucketSeen = true;
  }

  async #call<Result>(
    facts: Facts,
    options: CallOptions,
    work: () => Promise<Result>,
  ): Promise<Result> {
    return this.#inFlight.run(facts.operation, options, () => this.#send(facts, options, work));
  }

  /** For calls that are in flight, and for steps of uploads that are. */
  async #send<Result>(
    facts: Facts,
    { signal }: CallOptions,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const send = async () => {
      const offsetMs = this.#client.clockOffsetMs;
      try {
        const result = await work();
        this.#bucketSeen = true;
        return result;
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        const correctionMs = this.#client.clockOffsetMs - offsetMs;
        const isCorrected = Math.abs(correctionMs) >= S3_CLOCK_CORRECTION_MS_MIN;
        const clockCorrectionMs = isCorrected ? correctionMs : undefined;
        throw toS3Error(error, { ...this.#context(facts), clockCorrectionMs });
      }
    };
    return this.#turns.run(signal, send);
  }

  /**
   * Who may not list the whole bucket is denied what is missing, also where it may list the folder
   * that the object would be in. Then the listing tells.
   */
  async #read<Result>(
    facts: Facts & { readonly key: string },
    options: CallOptions,
    work: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await this.#call(facts, options, work);
    } catch (error) {
      if (!ObjectStoreError.is(error, "FORBIDDEN") || !this.#quirks.orderedList) throw error;
      const { key } = facts;
      const { metas } = await this.#call(facts, options, () =>
        this.#listPage({ prefix: key, keysMax: 1 }, options),
      ).catch((reason: unknown) => {
        throw ObjectStoreError.is(reason, "FORBIDDEN", "CONFIG_INVALID") ? error : reason;
      });
      const isListed = metas.some((meta) => meta.key === key);
      // It may have been put in between.
      if (isListed) return this.#call(facts, options, work);
      const problem = "there is no such object";
      throw s3Error("OBJECT_NOT_FOUND", problem, this.#context(facts), error);
    }
  }

  /** A page for people, from something that stands between here and the store, is no answer. */
  #expectS3({ headers }: HttpAnswer, facts: Facts): void {
    if (/^text\/html\b/i.test(headers["content-type"] ?? "")) throw this.#notS3(facts);
  }

  #notS3(facts: Facts): ObjectStoreError {
    const context = this.#context(facts);
    return s3Error("CONFIG_INVALID", `${context.host} answers, but not as S3 does`, context);
  }

  /** Who compresses answers on the way takes their length away. */
  #sizeOf({ headers }: HttpAnswer, facts: Facts): number {
    const { "content-length": size } = headers;
    if (size !== undefined) return Number(size);
    const context = this.#context(facts);
    throw s3Error("CONFIG_INVALID", `${context.host} tells no size, as S3 does`, context);
  }

  #meta(key: string, size: number, answer: HttpAnswer): ObjectMeta {
    const meta = metaOfHeaders(answer, key, size, this.#clock.nowMs());
    if (meta !== undefined) return meta;
    const context = this.#context({ operation: "get", key });
    throw s3Error("CONFIG_INVALID", `${context.host} gives no ETag, as S3 does`, context);
  }

  #need(capability: keyof Supports, facts: Facts): void {
    if (this.supports[capability]) return;
    const problem = `${this.#quirks.provider} cannot do ${capability}`;
    throw s3Error("UNSUPPORTED", problem, this.#context(facts));
  }

  #context(facts: Facts): S3ErrorContext {
    return {
      ...facts,
      store: this.name,
      bucket: this.#bucket,
      host: new URL(this.#options.endpoint ?? AWS_ENDPOINT).host,
      region: this.#client.region,
    };
  }
}

function nameOf({ bucket, name }: S3StoreOptions): string {
  return name ?? `s3://${bucket}`;
}

function placeOf({ bucket, endpoint }: S3StoreOptions): string {
  const { origin, pathname } = new URL(endpoint ?? AWS_ENDPOINT);
  return `${origin}${pathname.replace(/\/*$/, "/")}${bucket}`;
}
