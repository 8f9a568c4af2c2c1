/**
 * From a URL to a store, in Litestream's forms, or from a module to a store of the user's own.
 *
 * Always true:
 *   - An adapter is loaded when a URL asks for it, and its SDK with it. Nothing else is.
 *   - The store reaches as far as the URL's host does; the rest of the URL is `path`.
 *
 * It adds no layers: wrap the store in `retrying`, `limited` and so on.
 */

import { ObjectStoreError } from "./errors.ts";
import type { ModuleReference } from "./module-reference.ts";
import type { S3StoreOptions } from "./s3/s3-options.ts";
import { type OpenedStore, openStoreModule } from "./store-module.ts";
import {
  cleanPath,
  holdsSpilledKeys,
  parseStoreUrl,
  redactUrl,
  type StoreUrl,
} from "./store-url.ts";
import { type Environment, systemEnvironment } from "./system.ts";

export interface OpenStoreOptions {
  /** Credentials and places, before what the URL and the environment say. */
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
  /**
   * Computed keys, before all others, for `s3:` and `tigris:`. The module's default export gives
   * `{ accessKeyId, secretAccessKey, sessionToken?, expiration? }`, and is called again before that
   * Date.
   */
  readonly credentials?: ModuleReference | undefined;
  /** For `gs:`: a key file, or a file that says where else credentials come from. */
  readonly keyFilename?: string | undefined;
  /** For `gs:`: a service account, both together, as its key file has them. */
  readonly clientEmail?: string | undefined;
  readonly privateKey?: string | undefined;
  /** For `gs:`: true to send no credentials, as to a bucket that everybody may read. */
  readonly anonymous?: boolean | undefined;
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  /** Of `abs:`, before the account that the URL names. */
  readonly account?: string | undefined;
  /** Of `abs:`. If there are several, the first of these three is used. */
  readonly sasToken?: string | undefined;
  readonly accountKey?: string | undefined;
  readonly connectionString?: string | undefined;
  /** False: files are not flushed; see `FileStoreOptions`. */
  readonly fsync?: boolean | undefined;
  /** Undefined: that of the process. */
  readonly env?: Environment | undefined;
}

type Opener = (url: StoreUrl, options: OpenStoreOptions) => Promise<OpenedStore>;

const OPENERS: Readonly<Record<string, Opener>> = {
  abs: openAzure,
  file: openFile,
  gs: openGcs,
  memory: openMemory,
  s3: openS3,
  tigris: openTigris,
};

/**
 * Rejects with CONFIG_INVALID, in one sentence, when the URL or the module leads to no store. A
 * module gets the options of its reference, and none of these.
 */
export async function openStore(
  source: string | ModuleReference,
  options: OpenStoreOptions = {},
): Promise<OpenedStore> {
  return typeof source === "string" ? openUrl(source, options) : openStoreModule(source);
}

async function openUrl(url: string, options: OpenStoreOptions): Promise<OpenedStore> {
  const parsed = parseStoreUrl(url);
  const name = redactUrl(url);
  if (holdsSpilledKeys(url)) {
    const problem = "keys do not belong into a store URL; of a path that has an @, write %40";
    throw invalid(name, `${problem}: ${name}`);
  }
  if (parsed === undefined) throw invalid(name, `not a store URL: ${name}`);
  const open = Object.hasOwn(OPENERS, parsed.scheme) ? OPENERS[parsed.scheme] : undefined;
  if (open === undefined) {
    const known = Object.keys(OPENERS).map((scheme) => `${scheme}:`);
    throw invalid(name, `no store has the scheme of ${name}; there are ${known.join(", ")}`);
  }
  try {
    return await open(parsed, options);
  } catch (error) {
    if (error instanceof RangeError) throw invalid(name, `${error.message}: ${name}`, error);
    throw error;
  }
}

async function openS3(url: StoreUrl, options: OpenStoreOptions): Promise<OpenedStore> {
  const { openS3Store } = await import("./s3/s3-store.ts");
  const { parseS3Url } = await import("./s3/s3-url.ts");
  const env = options.env ?? systemEnvironment();
  const { options: s3Options, path } = parseS3Url(url, env, options);
  const all = { ...(await withComputedKeys(s3Options, options)), env };
  return { store: await openS3Store(all), path };
}

async function openTigris(url: StoreUrl, options: OpenStoreOptions): Promise<OpenedStore> {
  const { openTigrisStore } = await import("./tigris/tigris-store.ts");
  const { parseTigrisUrl } = await import("./tigris/tigris-url.ts");
  const env = options.env ?? systemEnvironment();
  const { options: s3Options, path } = parseTigrisUrl(url, env, options);
  const all = { ...(await withComputedKeys(s3Options, options)), env };
  return { store: await openTigrisStore(all), path };
}

async function openGcs(url: StoreUrl, options: OpenStoreOptions): Promise<OpenedStore> {
  const { openGcsStore } = await import("./gcs/gcs-store.ts");
  const { parseGcsUrl } = await import("./gcs/gcs-url.ts");
  const env = options.env ?? systemEnvironment();
  const { options: gcsOptions, path } = parseGcsUrl(url, env, options);
  return { store: await openGcsStore(gcsOptions), path };
}

async function withComputedKeys(
  s3Options: S3StoreOptions,
  { credentials }: OpenStoreOptions,
): Promise<S3StoreOptions> {
  if (credentials === undefined) return s3Options;
  const { loadS3Credentials } = await import("./s3/s3-credentials.ts");
  return { ...s3Options, credentials: await loadS3Credentials(credentials) };
}

async function openAzure(url: StoreUrl, options: OpenStoreOptions): Promise<OpenedStore> {
  const { openAzureStore } = await import("./azure/azure-store.ts");
  const { parseAzureUrl } = await import("./azure/azure-url.ts");
  const env = options.env ?? systemEnvironment();
  const { options: azureOptions, path } = parseAzureUrl(url, env, options);
  return { store: await openAzureStore(azureOptions), path };
}

async function openFile(url: StoreUrl, { fsync }: OpenStoreOptions): Promise<OpenedStore> {
  if (url.host !== "" && url.host !== "localhost") {
    throw new RangeError("a file: URL must not name a host; three slashes come first");
  }
  if (!url.path.startsWith("/")) throw new RangeError("a file: URL must have an absolute path");
  const { FileStore } = await import("./file/file-store.ts");
  const drive = /^\/[A-Za-z]:/.test(url.path) ? "" : "/";
  return { store: new FileStore({ root: `${drive}${cleanPath(url.path)}`, fsync }), path: "" };
}

/** `memory:NAME/path`, or the same with two slashes. */
async function openMemory(url: StoreUrl): Promise<OpenedStore> {
  const [name = "", ...rest] = `${url.host}${url.path}`.split("/");
  const { MemoryStore, memoryBucket } = await import("./memory/index.ts");
  const store = new MemoryStore({ bucket: memoryBucket(name) });
  return { store, path: cleanPath(rest.join("/")) };
}

function invalid(store: string, problem: string, cause?: unknown): ObjectStoreError {
  return new ObjectStoreError("CONFIG_INVALID", problem, { store, cause });
}
