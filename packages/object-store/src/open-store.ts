/**
 * From a URL to a store: `s3:`, `file:` and `memory:`, in Litestream's forms.
 *
 * Always true:
 *   - An adapter is loaded when a URL asks for it, and its SDK with it. Nothing else is.
 *   - The store reaches as far as the URL's host does; the rest of the URL is `path`.
 *
 * It adds no layers: wrap the store in `retrying`, `limited` and so on.
 */

import { ObjectStoreError } from "./errors.ts";
import type { ObjectStore } from "./object-store.ts";
import { cleanPath, parseStoreUrl, redactUrl, type StoreUrl } from "./store-url.ts";
import { type Environment, systemEnvironment } from "./system.ts";

export interface OpenStoreOptions {
  /** Credentials and places, before what the URL and the environment say. */
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  readonly sessionToken?: string | undefined;
  readonly region?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  /** False: files are not flushed; see `FileStoreOptions`. */
  readonly fsync?: boolean | undefined;
  /** Undefined: that of the process. */
  readonly env?: Environment | undefined;
}

export interface OpenedStore {
  readonly store: ObjectStore;
  /** Where in the store the URL points: no slash at either end, "" for its root. */
  readonly path: string;
}

type Opener = (url: StoreUrl, options: OpenStoreOptions) => Promise<OpenedStore>;

const OPENERS: Readonly<Record<string, Opener>> = {
  file: openFile,
  memory: openMemory,
  s3: openS3,
};

/** Rejects with CONFIG_INVALID, in one sentence, when the URL does not lead to a store. */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<OpenedStore> {
  const parsed = parseStoreUrl(url);
  const name = redactUrl(url);
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
  return { store: await openS3Store(s3Options), path };
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
