/**
 * Blobs in a container of Azure Blob Storage.
 *
 * Always true:
 *   - One call, or one step of an upload, is one request, but for opening an upload and giving it
 *     up (which are none), deleteMany (one per key) and list (one per five thousand).
 *   - Every body is read to its end or torn off, so that no socket is lost.
 *   - A version is the ETag, quotes included. It is new with every put, also of the same bytes.
 *
 * It does not retry, and does not split a large body of a put into blocks. It uses none of Azure's
 * own leases.
 */

import { Readable } from "node:stream";
import type * as Sdk from "@azure/storage-blob";
import { checkRange } from "../byte-range.ts";
import type { Clock } from "../clock.ts";
import { ObjectStoreError } from "../errors.ts";
import { HeldUpload, partSizeOf } from "../held-upload.ts";
import { readBody } from "../http-body.ts";
import { InFlight } from "../in-flight.ts";
import { inKeyOrder } from "../key-order.ts";
import {
  AZURE_DELETES_PARALLEL,
  AZURE_LIST_PAGE_KEYS,
  BODY_PIECE_BYTES,
  LIST_PAGES_MAX,
} from "../limits.ts";
import {
  formatTimestamp,
  parseTimestamp,
  TIMESTAMP_METADATA_AZURE,
} from "../litestream-timestamp.ts";
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
import { isFailure, RequestCount } from "../request-count.ts";
import { systemClock, systemRandom } from "../system.ts";
import { piecesOf } from "../write-body.ts";
import { type AzureClient, azureEndpoint, makeAzureClient } from "./azure-client.ts";
import { inspectContent } from "./azure-content.ts";
import { type AzureErrorContext, azureError, isAnswered, toAzureError } from "./azure-errors.ts";
import { type AzureStoreOptions, azureOptionsProblem } from "./azure-options.ts";
import { azureUpload } from "./azure-upload.ts";

/** Rejects with CONFIG_INVALID when an SDK is not installed or the options make no sense. */
export async function openAzureStore(options: AzureStoreOptions): Promise<ObjectStore> {
  const store = `abs://${options.account}@${options.container}`;
  const problem = azureOptionsProblem(options);
  if (problem !== undefined) throw new ObjectStoreError("CONFIG_INVALID", problem, { store });
  return new AzureStore(await makeAzureClient(options, store), options, store);
}

const SUPPORTS: Supports = {
  conditionalCreate: true,
  conditionalUpdate: true,
  conditionalDelete: true,
  // There is one Azure, and its emulator keeps them too.
  conditionsTrusted: true,
  suffixRange: false,
  orderedList: true,
  startAfter: false,
  serverDate: true,
  storedTimestamp: true,
  listedTimestamp: true,
  streamedPut: true,
  streamedConditions: true,
  tellsRequests: true,
};

const ACCESS_TIER = "Hot";

type Facts = Pick<AzureErrorContext, "operation" | "key" | "condition">;
type Work<Result> = (abortSignal: AbortSignal, request: RequestCount) => Promise<Result>;

class AzureStore implements ObjectStore {
  readonly name: string;
  readonly place: string;
  readonly supports = SUPPORTS;
  readonly keyLayout: KeyLayout = "path";
  readonly #client: AzureClient;
  readonly #accessTier: string;
  readonly #listPageKeys: number;
  readonly #context: Pick<AzureErrorContext, "store" | "container" | "host">;
  readonly #clock: Clock;
  readonly #inFlight: InFlight;

  constructor(client: AzureClient, options: AzureStoreOptions, name: string) {
    this.name = name;
    this.#client = client;
    this.#accessTier = options.accessTier ?? ACCESS_TIER;
    this.#listPageKeys = options.listPageKeys ?? AZURE_LIST_PAGE_KEYS;
    const { host, origin, pathname } = new URL(azureEndpoint(options));
    this.place = `${origin}${pathname.replace(/\/+$/, "")}/${options.container}`;
    this.#context = { store: name, container: options.container, host };
    this.#clock = options.clock ?? systemClock;
    this.#inFlight = new InFlight(name);
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    checkKey(key);
    const { range } = options;
    if (range !== undefined) checkRange(range);
    const facts: Facts = { operation: "get", key };
    if (range !== undefined && "suffix" in range) {
      throw this.#error("UNSUPPORTED", "Azure cannot do suffixRange", facts);
    }
    const length = range !== undefined && "length" in range ? range.length : undefined;
    return this.#call(facts, options, async (abortSignal, request) => {
      const blob = this.#client.container.getBlobClient(key);
      const output = await blob.download(range?.offset ?? 0, length, {
        abortSignal,
        maxRetryRequests: 0,
      });
      const stream = output.readableStreamBody as Readable;
      const read = await readBody(stream, output.contentLength, (bytes) => request.receive(bytes));
      const { contentRange } = output;
      const { status } = output._response;
      const content = inspectContent({ status, contentRange, bodySize: read.byteLength }, range);
      if (content.type === "unsound") throw this.#error(content.code, content.problem, facts);
      const { size, part } = content;
      const isWhole = part.length === read.byteLength;
      const body = isWhole ? read : read.slice(part.offset, part.offset + part.length);
      return { meta: this.#meta(key, size, output), body };
    });
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    checkKey(key);
    const facts: Facts = { operation: "head", key };
    return this.#call(facts, options, async (abortSignal) => {
      const blob = this.#client.container.getBlobClient(key);
      const output = await blob.getProperties({ abortSignal });
      const { contentLength } = output;
      // Who compresses answers on the way takes their length away.
      if (contentLength === undefined) {
        const problem = `${this.#context.host} tells no size, as Azure does`;
        throw this.#error("CONFIG_INVALID", problem, facts);
      }
      return this.#meta(key, contentLength, output);
    });
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    checkKey(key);
    const facts: Facts = { operation: "put", key, condition: options.condition.type };
    const { byteLength } = body;
    const send = async (abortSignal: AbortSignal) => {
      const blob = this.#client.container.getBlockBlobClient(key);
      const fields = this.#fieldsOf(options);
      const pieces = () => Readable.from(piecesOf(body));
      const content = byteLength > BODY_PIECE_BYTES ? pieces : body;
      const output = await blob.upload(content, byteLength, { abortSignal, ...fields });
      return { ...this.#meta(key, byteLength, output), timestampMs: options.timestampMs };
    };
    return this.#call(facts, options, send, byteLength);
  }

  /** Sends nothing yet. */
  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    checkKey(key);
    const partSize = partSizeOf(options.sizeMax);
    const condition = options.condition.type;
    const { timestampMs } = options;
    return this.#inFlight.run("openUpload", options, async () => {
      const steps = azureUpload(
        {
          blob: this.#client.container.getBlockBlobClient(key),
          send: (operation, call, work, bytesSent) =>
            this.#send({ operation, key, condition }, call, work, bytesSent),
          toMeta: (size, output) => ({ ...this.#meta(key, size, output), timestampMs }),
        },
        { partSize, fields: this.#fieldsOf(options), nonce: newNonce() },
      );
      return new HeldUpload(key, steps, this.#inFlight.hold());
    });
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    checkKey(key);
    const { condition = { type: "none" } } = options;
    const facts: Facts = { operation: "delete", key, condition: condition.type };
    const conditions = condition.type === "if-version" ? { ifMatch: condition.version } : {};
    return this.#call(facts, options, (abortSignal) =>
      this.#deleteBlob(facts, { abortSignal, conditions }),
    );
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    let failure: unknown;
    await this.#call({ operation: "deleteMany" }, options, async (abortSignal) => {
      const queue = keys.values();
      const lane = async () => {
        for (const key of queue) {
          const count = new RequestCount({ kind: "delete", meter: options.meter });
          count.start();
          try {
            await this.#deleteBlob({ operation: "deleteMany", key }, { abortSignal });
            count.end(false);
          } catch (error) {
            count.end(isFailure(error));
            if (!isAboutOneKey(error)) throw error;
            failure ??= error;
          }
        }
      };
      await Promise.all(Array.from({ length: AZURE_DELETES_PARALLEL }, lane));
    });
    if (failure !== undefined) throw failure;
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    checkPrefix(prefix);
    const facts: Facts = { operation: "list", key: prefix };
    yield* inKeyOrder(this.#pages(facts, prefix, options), (problem) =>
      this.#error("UNSUPPORTED", problem, facts),
    );
  }

  async close(): Promise<void> {
    await this.#inFlight.close();
    this.#client.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#pages(
    facts: Facts,
    prefix: string,
    options: ListOptions,
  ): AsyncIterable<readonly ObjectMeta[]> {
    const { startAfter = "" } = options;
    let marker: string | undefined;
    for (let count = 0; count < LIST_PAGES_MAX; count += 1) {
      const page = await this.#call(facts, options, (abortSignal) =>
        this.#listPage(prefix, marker, abortSignal),
      );
      const serverDateMs = page.date?.getTime();
      const metas = page.segment.blobItems
        .filter(isBlob)
        .map((item) => listedMeta(item, serverDateMs));
      yield startAfter === "" ? metas : metas.filter(({ key }) => compareKeys(key, startAfter) > 0);
      const next = page.continuationToken || undefined;
      if (next === undefined) return;
      if (next === marker) throw this.#error("UNAVAILABLE", "the listing did not advance", facts);
      marker = next;
    }
    throw this.#error("UNSUPPORTED", `more than ${LIST_PAGES_MAX} pages`, facts);
  }

  async #listPage(prefix: string, marker: string | undefined, abortSignal: AbortSignal) {
    const listed = this.#client.container.listBlobsFlat({
      abortSignal,
      includeMetadata: true,
      ...(prefix === "" ? {} : { prefix }),
    });
    const pages = listed.byPage({
      maxPageSize: this.#listPageKeys,
      ...(marker === undefined ? {} : { continuationToken: marker }),
    });
    const { value } = await pages.next();
    return value as Sdk.ContainerListBlobFlatSegmentResponse;
  }

  async #deleteBlob(facts: Facts, options: Sdk.BlobDeleteOptions): Promise<void> {
    try {
      await this.#client.container.getBlobClient(facts.key ?? "").delete(options);
    } catch (error) {
      if (options.abortSignal?.aborted) throw error;
      const failure = toAzureError(error, { ...this.#context, ...facts });
      if (failure.code !== "OBJECT_NOT_FOUND") throw failure;
    }
  }

  async #call<Result>(
    facts: Facts,
    options: CallOptions,
    work: Work<Result>,
    bytesSent?: number,
  ): Promise<Result> {
    const send = () => this.#send(facts, options, work, bytesSent);
    return this.#inFlight.run(facts.operation, options, send);
  }

  /** For calls that are in flight, and for steps of uploads that are. */
  async #send<Result>(
    facts: Facts,
    { signal, meter }: CallOptions,
    work: Work<Result>,
    bytesSent?: number,
  ): Promise<Result> {
    const ending = new AbortController();
    const onAbort = () => ending.abort();
    signal?.addEventListener("abort", onAbort);
    const request = new RequestCount({ kind: facts.operation, meter }, bytesSent);
    // Of several keys each is a request.
    if (facts.operation !== "deleteMany") request.start();
    try {
      const result = await work(ending.signal, request);
      request.end(false);
      return result;
    } catch (error) {
      // Of an answer that it does not understand, the SDK leaves the body unread.
      if (!isAnswered(error)) ending.abort();
      const failure = toAzureError(error, { ...this.#context, ...facts });
      request.end(signal?.aborted === true || isFailure(failure));
      if (signal?.aborted) throw signal.reason;
      throw failure;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** What a new blob is to be beside its bytes, and when. */
  #fieldsOf({ condition, contentType, noCache, timestampMs }: PutOptions) {
    return {
      blobHTTPHeaders: {
        blobContentType: contentType ?? "application/octet-stream",
        ...(noCache ? { blobCacheControl: "no-store" } : {}),
      },
      conditions: {
        ...(condition.type === "if-absent" ? { ifNoneMatch: "*" } : {}),
        ...(condition.type === "if-version" ? { ifMatch: condition.version } : {}),
      },
      ...(this.#accessTier === "" ? {} : { tier: this.#accessTier }),
      ...(timestampMs === undefined
        ? {}
        : { metadata: { [TIMESTAMP_METADATA_AZURE]: formatTimestamp(timestampMs) } }),
    };
  }

  #meta(key: string, size: number, output: AnsweredBlob): ObjectMeta {
    if (output.etag === undefined) {
      const problem = `${this.#context.host} gives no ETag, as Azure does`;
      throw this.#error("CONFIG_INVALID", problem, { operation: "get", key });
    }
    const serverDateMs = output.date?.getTime();
    return {
      key,
      size,
      version: versionOf(output.etag),
      lastModifiedMs: output.lastModified?.getTime() ?? serverDateMs ?? this.#clock.nowMs(),
      timestampMs: timestampOf(output.metadata),
      serverDateMs,
    };
  }

  #error(code: ObjectStoreError["code"], problem: string, facts: Facts): ObjectStoreError {
    return azureError(code, problem, { ...this.#context, ...facts });
  }
}

interface AnsweredBlob {
  readonly etag?: string | undefined;
  readonly date?: Date | undefined;
  readonly lastModified?: Date | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

function listedMeta(item: Sdk.BlobItem, serverDateMs: number | undefined): ObjectMeta {
  const { contentLength = 0, etag, lastModified } = item.properties;
  return {
    key: item.name,
    size: contentLength,
    version: versionOf(etag),
    lastModifiedMs: lastModified.getTime(),
    timestampMs: timestampOf(item.metadata),
    serverDateMs,
  };
}

function newNonce(): string {
  const word = () =>
    Math.floor(systemRandom() * 2 ** 48)
      .toString(36)
      .padStart(10, "0");
  return `${word()}${word()}`;
}

/** Accounts with a hierarchical namespace list folders as if they were blobs. */
function isBlob({ metadata }: Sdk.BlobItem): boolean {
  return metadata?.hdi_isfolder !== "true";
}

/** Headers have the quotes, listings do not. */
function versionOf(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}

/** Names of metadata come back in the case in which some program wrote them. */
function timestampOf(metadata: Readonly<Record<string, string>> = {}): number | undefined {
  for (const [name, value] of Object.entries(metadata)) {
    if (name.toLowerCase() === TIMESTAMP_METADATA_AZURE) return parseTimestamp(value);
  }
  return undefined;
}

/** Whether other keys may fare better; a store that cannot be reached is asked no further. */
function isAboutOneKey(error: unknown): boolean {
  return ObjectStoreError.is(error, "FORBIDDEN", "UNSUPPORTED");
}
