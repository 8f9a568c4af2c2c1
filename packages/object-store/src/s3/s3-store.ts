/**
 * Objects in a bucket of S3, or of a server that speaks its API.
 *
 * Always true:
 *   - One call, or one step of an upload, is one request, but for deleteMany and list (one per
 *     thousand keys), for the first head that finds nothing (which asks whether there is a bucket
 *     at all) and for a get or head that is denied (which asks a listing whether there is such an
 *     object).
 *   - No request waits for a socket: calls wait for their turn before anything is sent, so that no
 *     time limit of the connection or of the answer counts that wait.
 *   - Every body is read to its end or torn off, so that no socket is lost.
 *   - A version is the ETag, quotes included. On most servers that is a hash of the content: the
 *     same bytes put twice have the same version.
 *
 * It does not retry, and does not split a large body of a put into parts.
 */

import type { Readable } from "node:stream";
import type * as Sdk from "@aws-sdk/client-s3";
import { checkRange, formatRange } from "../byte-range.ts";
import type { Clock } from "../clock.ts";
import { ObjectStoreError } from "../errors.ts";
import { HeldUpload, partSizeOf } from "../held-upload.ts";
import { readBody } from "../http-body.ts";
import { InFlight } from "../in-flight.ts";
import {
  DELETE_BATCH_KEYS,
  LIST_PAGE_KEYS,
  LIST_PAGES_MAX,
  LIST_SORT_KEYS_MAX,
  S3_CLOCK_CORRECTION_MS_MIN,
  S3_SOCKETS_MAX,
} from "../limits.ts";
import { parseTimestamp, TIMESTAMP_METADATA } from "../litestream-timestamp.ts";
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
import { systemClock } from "../system.ts";
import { Turns } from "../turns.ts";
import { quirksOf, type S3Quirks } from "./quirks.ts";
import { answerFacts, loadS3Sdk, makeS3Client, type S3Sdk } from "./s3-client.ts";
import { inspectContent } from "./s3-content.ts";
import { isUnnamedNotFound, type S3ErrorContext, s3Error, toS3Error } from "./s3-errors.ts";
import { conditionOf, customerKeyOf, objectFieldsOf } from "./s3-fields.ts";
import { type S3StoreOptions, s3OptionsProblem } from "./s3-options.ts";
import { openS3Upload, type S3SendOptions, type S3UploadStore } from "./s3-upload.ts";

/** Rejects with CONFIG_INVALID when the SDK is not installed or the options make no sense. */
export async function openS3Store(options: S3StoreOptions): Promise<ObjectStore> {
  const store = nameOf(options);
  const problem = s3OptionsProblem(options);
  if (problem !== undefined) throw new ObjectStoreError("CONFIG_INVALID", problem, { store });
  const quirks = { ...quirksOf(options.endpoint, options.bucket), ...options.quirks };
  return new S3Store(await loadS3Sdk(store), options, quirks);
}

const AWS_ENDPOINT = "https://amazonaws.com";

type Facts = Pick<S3ErrorContext, "operation" | "key" | "condition">;

interface PageRequest {
  readonly prefix: string;
  readonly startAfter?: string | undefined;
  readonly token?: string | undefined;
  readonly keysMax?: number | undefined;
}

class S3Store implements ObjectStore {
  readonly name: string;
  readonly place: string;
  readonly supports: Supports;
  readonly keyLayout: KeyLayout = "s3";
  readonly #sdk: S3Sdk;
  readonly #client: Sdk.S3Client;
  readonly #bucket: string;
  readonly #options: S3StoreOptions;
  readonly #quirks: S3Quirks;
  readonly #clock: Clock;
  readonly #inFlight: InFlight;
  readonly #turns: Turns;
  #bucketSeen = false;

  constructor(sdk: S3Sdk, options: S3StoreOptions, quirks: S3Quirks) {
    this.#sdk = sdk;
    this.#client = makeS3Client(sdk, options, quirks);
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
    };
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    checkKey(key);
    const { range } = options;
    if (range !== undefined) checkRange(range);
    const facts = { operation: "get", key } as const;
    return this.#read(facts, options, async (send) => {
      const command = new this.#sdk.GetObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        ...(range === undefined ? {} : { Range: formatRange(range) }),
        ...customerKeyOf(this.#options.encryption),
      });
      const output = await this.#client.send(command, send);
      const read = await readBody(output.Body as Readable, output.ContentLength);
      const content = inspectContent(range, output, read.byteLength);
      if (content.type === "unsound") {
        throw s3Error(content.code, content.problem, this.#context(facts));
      }
      const { offset, length } = content.part;
      const body = length === read.byteLength ? read : read.slice(offset, offset + length);
      return { meta: this.#meta(key, content.size, output), body };
    });
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    checkKey(key);
    return this.#read({ operation: "head", key }, options, async (send) => {
      const command = new this.#sdk.HeadObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        ...customerKeyOf(this.#options.encryption),
      });
      try {
        const output = await this.#client.send(command, send);
        return this.#meta(key, output.ContentLength ?? 0, output);
      } catch (error) {
        if (isUnnamedNotFound(error) && !this.#bucketSeen) await this.#lookForBucket(send);
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
    return this.#call(facts, options, async (send) => {
      const command = new this.#sdk.PutObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        Body: body,
        ContentLength: body.byteLength,
        ...conditionOf(condition),
        ...objectFieldsOf(options, this.#options),
      });
      const output = await this.#client.send(command, send);
      this.#expectS3(output, facts);
      return { ...this.#meta(key, body.byteLength, output), timestampMs: options.timestampMs };
    });
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    checkKey(key);
    const { condition } = options;
    const partSize = partSizeOf(options.sizeMax);
    const facts: Facts = { operation: "openUpload", key, condition: condition.type };
    if (condition.type !== "none") this.#need("streamedConditions", facts);
    const store: S3UploadStore = {
      sdk: this.#sdk,
      client: this.#client,
      bucket: this.#bucket,
      encryption: this.#options.encryption,
      send: (operation, call, work) => this.#send({ ...facts, operation }, call, work),
      expectS3: (operation, output) => this.#expectS3(output, { ...facts, operation }),
      toMeta: (size, output) => ({
        ...this.#meta(key, size, output),
        timestampMs: options.timestampMs,
      }),
    };
    const { partsParallel } = this.#quirks;
    const fields = objectFieldsOf(options, this.#options);
    const upload = await this.#call(facts, options, (send) =>
      openS3Upload(store, { key, partSize, partsParallel, condition, fields }, send),
    );
    return new HeldUpload(key, upload, this.#inFlight.hold());
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    checkKey(key);
    const { condition = { type: "none" } } = options;
    const facts: Facts = { operation: "delete", key, condition: condition.type };
    if (condition.type === "if-version") this.#need("conditionalDelete", facts);
    const command = new this.#sdk.DeleteObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      ...(condition.type === "if-version" ? { IfMatch: condition.version } : {}),
    });
    try {
      await this.#call(facts, options, async (send) =>
        this.#expectS3(await this.#client.send(command, send), facts),
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
      const failed = await this.#call({ operation: "deleteMany" }, options, (send) =>
        this.#deleteBatch(batch, send),
      );
      failure ??= failed;
    }
    if (failure !== undefined) throw failure;
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    checkPrefix(prefix);
    if (this.#quirks.orderedList) {
      for await (const page of this.#pages(prefix, options)) yield* page;
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
    this.#client.destroy();
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
      const output = await this.#call(facts, options, (send) =>
        this.#listPage({ prefix: sent, startAfter: there, token }, send),
      );
      const serverDateMs = dateMs(answerFacts(output).date);
      const metas = (output.Contents ?? []).map((object) => this.#listed(object, serverDateMs));
      const isAfter = (key: string) =>
        startAfter === undefined || there !== undefined || compareKeys(key, startAfter) > 0;
      yield metas.filter(({ key }) => key.startsWith(prefix) && isAfter(key));
      const next = output.IsTruncated ? output.NextContinuationToken : undefined;
      if (next === undefined) return;
      if (next === token) {
        throw s3Error("UNAVAILABLE", "the listing did not advance", this.#context(facts));
      }
      token = next;
    }
    const problem = `more than ${LIST_PAGES_MAX} pages under ${prefix}`;
    throw s3Error("UNSUPPORTED", problem, this.#context(facts));
  }

  async #listPage(
    { prefix, startAfter, token, keysMax = LIST_PAGE_KEYS }: PageRequest,
    send: S3SendOptions,
  ): Promise<Sdk.ListObjectsV2CommandOutput> {
    const command = new this.#sdk.ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: prefix,
      MaxKeys: keysMax,
      ...(startAfter === undefined ? {} : { StartAfter: startAfter }),
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const output = await this.#client.send(command, send);
    // An empty listing names its bucket. A page of some other server must not pass for one.
    const isListing = output.Contents !== undefined || output.Name !== undefined;
    if (!isListing) throw this.#notS3({ operation: "list", key: prefix });
    return output;
  }

  /** The first failure of a batch, if any. */
  async #deleteBatch(keys: readonly string[], send: S3SendOptions): Promise<unknown> {
    const command = new this.#sdk.DeleteObjectsCommand({
      Bucket: this.#bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true },
    });
    const output = await this.#client.send(command, send);
    this.#expectS3(output, { operation: "deleteMany" });
    const failed = (output.Errors ?? []).find(({ Code }) => Code !== "NoSuchKey");
    if (failed === undefined) return undefined;
    const error = Object.assign(new Error(failed.Message), { name: failed.Code });
    return toS3Error(error, this.#context({ operation: "deleteMany", key: failed.Key }));
  }

  /** Throws NoSuchBucket when that is what a bare 404 meant. */
  async #lookForBucket(send: S3SendOptions): Promise<void> {
    try {
      await this.#client.send(new this.#sdk.HeadBucketCommand({ Bucket: this.#bucket }), send);
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
    work: (send: S3SendOptions) => Promise<Result>,
  ): Promise<Result> {
    return this.#inFlight.run(facts.operation, options, () => this.#send(facts, options, work));
  }

  /** For calls that are in flight, and for steps of uploads that are. */
  async #send<Result>(
    facts: Facts,
    { signal }: CallOptions,
    work: (send: S3SendOptions) => Promise<Result>,
  ): Promise<Result> {
    const send = async () => {
      const offsetMs = this.#client.config.systemClockOffset;
      try {
        const result = await work(signal === undefined ? {} : { abortSignal: signal });
        this.#bucketSeen = true;
        return result;
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        const correctionMs = this.#client.config.systemClockOffset - offsetMs;
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
    work: (send: S3SendOptions) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await this.#call(facts, options, work);
    } catch (error) {
      if (!ObjectStoreError.is(error, "FORBIDDEN") || !this.#quirks.orderedList) throw error;
      const { key } = facts;
      const output = await this.#call(facts, options, (send) =>
        this.#listPage({ prefix: key, keysMax: 1 }, send),
      ).catch((reason: unknown) => {
        throw ObjectStoreError.is(reason, "FORBIDDEN", "CONFIG_INVALID") ? error : reason;
      });
      const isListed = (output.Contents ?? []).some(({ Key }) => Key === key);
      // It may have been put in between.
      if (isListed) return this.#call(facts, options, work);
      const problem = "there is no such object";
      throw s3Error("OBJECT_NOT_FOUND", problem, this.#context(facts), error);
    }
  }

  /** A page for people, from something that stands between here and the store, is no answer. */
  #expectS3(output: { readonly $metadata: object }, facts: Facts): void {
    const { contentType = "" } = answerFacts(output);
    if (/^text\/html\b/i.test(contentType)) throw this.#notS3(facts);
  }

  #notS3(facts: Facts): ObjectStoreError {
    const context = this.#context(facts);
    return s3Error("CONFIG_INVALID", `${context.host} answers, but not as S3 does`, context);
  }

  #meta(key: string, size: number, output: AnsweredObject): ObjectMeta {
    if (output.ETag === undefined) {
      const context = this.#context({ operation: "get", key });
      throw s3Error("CONFIG_INVALID", `${context.host} gives no ETag, as S3 does`, context);
    }
    const serverDateMs = dateMs(answerFacts(output).date);
    return {
      key,
      size,
      version: output.ETag,
      // A put is answered without it; its answer's date is the same clock.
      lastModifiedMs: output.LastModified?.getTime() ?? serverDateMs ?? this.#clock.nowMs(),
      timestampMs: parseTimestamp(output.Metadata?.[TIMESTAMP_METADATA]),
      serverDateMs,
    };
  }

  #listed(object: Sdk._Object, serverDateMs: number | undefined): ObjectMeta {
    return {
      key: object.Key ?? "",
      size: object.Size ?? 0,
      version: object.ETag ?? "",
      lastModifiedMs: object.LastModified?.getTime() ?? 0,
      serverDateMs,
    };
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
      region: this.#options.region ?? this.#quirks.region,
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

interface AnsweredObject {
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly Metadata?: Record<string, string> | undefined;
  readonly $metadata: object;
}

function dateMs(header: string | undefined): number | undefined {
  const ms = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(ms) ? undefined : ms;
}
