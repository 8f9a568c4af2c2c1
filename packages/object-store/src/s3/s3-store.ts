/**
 * Objects in a bucket of S3, or of a server that speaks its API.
 *
 * Always true:
 *   - One call is one request, but for deleteMany and list (one per thousand keys) and for the
 *     first head that finds nothing (which asks whether there is a bucket at all).
 *   - Every body is read to its end or torn off, so that no socket is lost.
 *   - A version is the ETag, quotes included. On most servers that is a hash of the content: the
 *     same bytes put twice have the same version.
 *
 * It does not retry, and it does not split large bodies into parts.
 */

import type { Readable } from "node:stream";
import type * as Sdk from "@aws-sdk/client-s3";
import { checkRange, formatRange, parseContentRangeSize, resolveRange } from "../byte-range.ts";
import type { Clock } from "../clock.ts";
import { ObjectStoreError } from "../errors.ts";
import { InFlight } from "../in-flight.ts";
import {
  DELETE_BATCH_KEYS,
  LIST_PAGE_KEYS,
  LIST_PAGES_MAX,
  LIST_SORT_KEYS_MAX,
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
} from "../object-store.ts";
import { systemClock } from "../system.ts";
import { quirksOf, type S3Quirks } from "./quirks.ts";
import { readBody } from "./s3-body.ts";
import { answerFacts, loadS3Sdk, makeS3Client, type S3Sdk } from "./s3-client.ts";
import { isUnnamedNotFound, type S3ErrorContext, s3Error, toS3Error } from "./s3-errors.ts";
import { type S3EncryptionOptions, type S3StoreOptions, s3OptionsProblem } from "./s3-options.ts";
import { formatTimestamp, parseTimestamp, TIMESTAMP_METADATA } from "./s3-timestamp.ts";

/** Rejects with CONFIG_INVALID when the SDK is not installed or the options make no sense. */
export async function openS3Store(options: S3StoreOptions): Promise<ObjectStore> {
  const store = `s3://${options.bucket}`;
  const problem = s3OptionsProblem(options);
  if (problem !== undefined) throw new ObjectStoreError("CONFIG_INVALID", problem, { store });
  const quirks = { ...quirksOf(options.endpoint, options.bucket), ...options.quirks };
  return new S3Store(await loadS3Sdk(store), options, quirks);
}

type Facts = Pick<S3ErrorContext, "operation" | "key" | "condition">;

interface SendOptions {
  readonly abortSignal?: AbortSignal;
}

class S3Store implements ObjectStore {
  readonly name: string;
  readonly supports: Supports;
  readonly keyLayout: KeyLayout = "s3";
  readonly #sdk: S3Sdk;
  readonly #client: Sdk.S3Client;
  readonly #bucket: string;
  readonly #options: S3StoreOptions;
  readonly #quirks: S3Quirks;
  readonly #clock: Clock;
  readonly #inFlight: InFlight;
  #bucketSeen = false;

  constructor(sdk: S3Sdk, options: S3StoreOptions, quirks: S3Quirks) {
    this.#sdk = sdk;
    this.#client = makeS3Client(sdk, options, quirks);
    this.#bucket = options.bucket;
    this.#options = options;
    this.#quirks = quirks;
    this.#clock = options.clock ?? systemClock;
    this.name = `s3://${options.bucket}`;
    this.#inFlight = new InFlight(this.name);
    this.supports = {
      conditionalCreate: quirks.conditionalCreate,
      conditionalUpdate: quirks.conditionalUpdate,
      conditionalDelete: quirks.conditionalDelete,
      suffixRange: true,
      orderedList: quirks.orderedList,
      startAfter: quirks.startAfter,
      serverDate: quirks.serverDate,
      storedTimestamp: true,
      listedTimestamp: false,
    };
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    checkKey(key);
    const { range } = options;
    if (range !== undefined) checkRange(range);
    return this.#call({ operation: "get", key }, options, async (send) => {
      const command = new this.#sdk.GetObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        ...(range === undefined ? {} : { Range: formatRange(range) }),
        ...customerKeyOf(this.#options.encryption),
      });
      const output = await this.#client.send(command, send);
      const read = await readBody(output.Body as Readable, output.ContentLength);
      const size = parseContentRangeSize(output.ContentRange ?? "");
      const meta = this.#meta(key, size ?? read.byteLength, output);
      if (range === undefined || output.ContentRange !== undefined) return { meta, body: read };
      // The server sent the whole object although a part was asked for.
      const part = resolveRange(range, read.byteLength);
      if (part !== undefined) {
        return { meta, body: read.slice(part.offset, part.offset + part.length) };
      }
      const problem = `the range holds none of its ${read.byteLength} bytes`;
      throw s3Error("RANGE_UNSATISFIABLE", problem, this.#context({ operation: "get", key }));
    });
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    checkKey(key);
    return this.#call({ operation: "head", key }, options, async (send) => {
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
    const { condition, contentType, noCache, timestampMs } = options;
    const facts: Facts = { operation: "put", key, condition: condition.type };
    if (condition.type === "if-absent") this.#need("conditionalCreate", facts);
    if (condition.type === "if-version") this.#need("conditionalUpdate", facts);
    return this.#call(facts, options, async (send) => {
      const command = new this.#sdk.PutObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        Body: body,
        ContentLength: body.byteLength,
        ContentType: contentType ?? "application/octet-stream",
        ...(condition.type === "if-absent" ? { IfNoneMatch: "*" } : {}),
        ...(condition.type === "if-version" ? { IfMatch: condition.version } : {}),
        ...(noCache ? { CacheControl: "no-cache" } : {}),
        ...(timestampMs === undefined
          ? {}
          : { Metadata: { [TIMESTAMP_METADATA]: formatTimestamp(timestampMs) } }),
        ...(this.#options.storageClass === undefined
          ? {}
          : { StorageClass: this.#options.storageClass as Sdk.StorageClass }),
        ...customerKeyOf(this.#options.encryption),
        ...kmsKeyOf(this.#options.encryption),
      });
      const output = await this.#client.send(command, send);
      return { ...this.#meta(key, body.byteLength, output), timestampMs };
    });
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    checkKey(key);
    const { condition = { type: "none" } } = options;
    const facts: Facts = { operation: "delete", key, condition: condition.type };
    if (condition.type === "if-version") this.#need("conditionalDelete", facts);
    return this.#call(facts, options, async (send) => {
      const command = new this.#sdk.DeleteObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        ...(condition.type === "if-version" ? { IfMatch: condition.version } : {}),
      });
      try {
        await this.#client.send(command, send);
      } catch (error) {
        if (send.abortSignal?.aborted) throw error;
        const failure = toS3Error(error, this.#context(facts));
        if (failure.code !== "OBJECT_NOT_FOUND") throw failure;
      }
    });
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
    let token: string | undefined;
    for (let page = 0; page < LIST_PAGES_MAX; page += 1) {
      const output = await this.#call(facts, options, (send) =>
        this.#listPage(prefix, there, token, send),
      );
      const serverDateMs = dateMs(answerFacts(output).date);
      const metas = (output.Contents ?? []).map((object) => this.#listed(object, serverDateMs));
      yield startAfter === undefined || there !== undefined
        ? metas
        : metas.filter(({ key }) => compareKeys(key, startAfter) > 0);
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
    prefix: string,
    startAfter: string | undefined,
    token: string | undefined,
    send: SendOptions,
  ): Promise<Sdk.ListObjectsV2CommandOutput> {
    const command = new this.#sdk.ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: prefix,
      MaxKeys: LIST_PAGE_KEYS,
      ...(startAfter === undefined ? {} : { StartAfter: startAfter }),
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const output = await this.#client.send(command, send);
    if (output.Contents === undefined && output.Name === undefined) {
      // An empty listing names its bucket. A page of some other server must not pass for one.
      const context = this.#context({ operation: "list", key: prefix });
      throw s3Error("CONFIG_INVALID", `${context.host} answers, but not as S3 does`, context);
    }
    return output;
  }

  /** The first failure of a batch, if any. */
  async #deleteBatch(keys: readonly string[], send: SendOptions): Promise<unknown> {
    const command = new this.#sdk.DeleteObjectsCommand({
      Bucket: this.#bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true },
    });
    const output = await this.#client.send(command, send);
    const failed = (output.Errors ?? []).find(({ Code }) => Code !== "NoSuchKey");
    if (failed === undefined) return undefined;
    const error = Object.assign(new Error(failed.Message), { name: failed.Code });
    return toS3Error(error, this.#context({ operation: "deleteMany", key: failed.Key }));
  }

  /** Throws NoSuchBucket when that is what a bare 404 meant. */
  async #lookForBucket(send: SendOptions): Promise<void> {
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
    work: (send: SendOptions) => Promise<Result>,
  ): Promise<Result> {
    const { signal } = options;
    return this.#inFlight.run(facts.operation, options, async () => {
      try {
        const result = await work(signal === undefined ? {} : { abortSignal: signal });
        this.#bucketSeen = true;
        return result;
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        throw toS3Error(error, this.#context(facts));
      }
    });
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
      host: new URL(this.#options.endpoint ?? "https://amazonaws.com").host,
      region: this.#options.region ?? this.#quirks.region,
    };
  }
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

function customerKeyOf(encryption: S3EncryptionOptions | undefined) {
  const { customerAlgorithm, customerKey, customerKeyMd5 } = encryption ?? {};
  if (customerKey === undefined) return {};
  return {
    SSECustomerAlgorithm: customerAlgorithm ?? "AES256",
    SSECustomerKey: customerKey,
    ...(customerKeyMd5 === undefined ? {} : { SSECustomerKeyMD5: customerKeyMd5 }),
  };
}

function kmsKeyOf(encryption: S3EncryptionOptions | undefined) {
  if (encryption?.kmsKeyId === undefined) return {};
  return { ServerSideEncryption: "aws:kms" as const, SSEKMSKeyId: encryption.kmsKeyId };
}
