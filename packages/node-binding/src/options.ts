/**
 * The options of `mount()` and `openDatabase()`: types, defaults, a sentence for each mistake.
 */

import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { inspect } from "node:util";
import {
  choosePrices,
  type ModuleReference,
  ObjectStoreError,
  type OpenStoreOptions,
  PLACE_VARIABLES,
  type PriceChoice,
  resolveModule,
} from "@headwater/object-store";
import {
  type CompactionOptions,
  type Durability,
  HeadwaterError,
  redactUrl,
} from "@headwater/vfs-core";
import { DRIVERS, type Driver } from "./drivers.ts";
import type { EngineMountOptions, HydrateOptions } from "./engine/engine-mount-options.ts";

export interface MountOptions {
  /** Where the replica is: `s3://bucket/path`, `file:///folder` or `memory:name`. */
  readonly url?: string;
  /**
   * In place of a URL, a store of your own: a module whose default export makes it of the options.
   * The engine loads it on its own thread, which functions and objects cannot go to.
   */
  readonly store?: ModuleReference;
  /** "read" follows the replica; "write" takes its lease. Default "read". */
  readonly mode?: "read" | "write";
  /** What connections call it: `file:NAME?vfs=headwater`. Default: the last part of the URL. */
  readonly name?: string;
  /**
   * Fill a local copy in the background, of which every byte is verified; with a path, that file is
   * kept, and used again at the next start. Default off.
   */
  readonly hydrate?: boolean | HydrateOptions;
  /** Where commits wait for their upload. Default: a folder of the user's own state. */
  readonly journalDir?: string;
  /** Write mode: "off" gives up the guarantee that there is one writer. */
  readonly lease?:
    | "off"
    | { readonly ttlMs?: number; readonly owner?: string; readonly waitMs?: number };
  /**
   * Write mode: compaction, snapshots and retention, while the lease is held. Default: on, with
   * Litestream's intervals.
   */
  readonly compaction?: "off" | CompactionOptions;
  /** Write mode: refuse to begin a new, empty database. Default false. */
  readonly mustExist?: boolean;
  /** Read mode: wait for a replica at the URL, until the signal aborts. Default false. */
  readonly waitForReplica?: boolean;
  /** Bytes of the page cache. */
  readonly cacheBytes?: number;
  /**
   * Fetch the schema and the interior pages of all b-trees right after opening, behind everything
   * that somebody waits for. Default true.
   */
  readonly warmUp?: boolean;
  /** Send slow small requests a second time, a few in a hundred at the most. Default true. */
  readonly hedge?: boolean;
  /**
   * A folder of this user for the page indexes of LTX files, so that the next opening need not
   * fetch them. Many replicas may share it; 256 MiB at the most. Default: none is kept.
   */
  readonly indexCacheDir?: string;
  /** Read mode: how often to look for new transactions. Zero: only when asked. Default 1 s. */
  readonly pollIntervalMs?: number;
  /**
   * Read mode: while nothing is written, looks become as rare as this; a tenth of the quiet time
   * lies between them. Default: they do not.
   */
  readonly pollIntervalMsMax?: number;
  /** Write mode: how long a commit waits for its upload at the most. */
  readonly syncIntervalMs?: number;
  /**
   * Write mode: how long the end of the process may be held up by uploading what is pending and
   * giving the lease back, when the mount was not closed. Default 5 s.
   */
  readonly exitTimeoutMs?: number;
  /**
   * Write mode: what COMMIT waits for. "eventual": the transaction is in the local journal, and the
   * bucket follows. "remote": the bucket has it. `PRAGMA headwater_durability` is the same for one
   * connection. Default "eventual".
   */
  readonly durability?: Durability;
  /**
   * Write mode: bytes of commits that the bucket has not. At the limit COMMIT waits as long as the
   * connection's busy timeout, and then fails with SQLITE_FULL. Default 1 GiB.
   */
  readonly journalBytesMax?: number;
  /** How long a read may wait for the store before SQLite reports an I/O error. */
  readonly requestTimeoutMs?: number;
  /**
   * For the store of the URL: credentials, region, endpoint. Default: what the environment says.
   * `credentials` is a module whose default export computes them.
   */
  readonly storeOptions?: Readonly<Record<string, string | boolean | number | ModuleReference>>;
  /**
   * What requests cost, wholly or in part. Default: list prices of the provider, where the host
   * shows who that is; see `STORE_PRICES`.
   */
  readonly prices?: PriceChoice;
  /** Which SQLite libraries are to know of mounts. Default: those that the program uses. */
  readonly drivers?: readonly Driver[];
  /** Aborts the opening. */
  readonly signal?: AbortSignal;
}

const KNOWN = {
  url: "string",
  store: "any",
  mode: "string",
  name: "string",
  hydrate: "any",
  journalDir: "string",
  lease: "any",
  compaction: "any",
  mustExist: "boolean",
  waitForReplica: "boolean",
  cacheBytes: "count",
  warmUp: "boolean",
  hedge: "boolean",
  indexCacheDir: "string",
  pollIntervalMs: "count",
  pollIntervalMsMax: "count",
  syncIntervalMs: "count",
  durability: "string",
  journalBytesMax: "count",
  requestTimeoutMs: "count",
  exitTimeoutMs: "count",
  storeOptions: "any",
  prices: "any",
  drivers: "any",
  signal: "any",
} as const satisfies Record<keyof MountOptions, "any" | "boolean" | "count" | "string">;

const STORE_OPTIONS = {
  accessKeyId: true,
  secretAccessKey: true,
  sessionToken: true,
  credentials: true,
  keyFilename: true,
  clientEmail: true,
  privateKey: true,
  anonymous: true,
  region: true,
  endpoint: true,
  forcePathStyle: true,
  account: true,
  sasToken: true,
  accountKey: true,
  connectionString: true,
  fsync: true,
} as const satisfies Record<Exclude<keyof OpenStoreOptions, "env">, true>;

/**
 * Of options that are objects of options. One that is misspelt would be as if it were not there:
 * history would be kept for a day, commits would go to another server.
 */
const KNOWN_WITHIN = {
  storeOptions: Object.keys(STORE_OPTIONS),
  prices: ["provider", "per1000", "egressPerGib"],
  hydrate: ["path", "bytesPerSecondMax"],
  lease: ["ttlMs", "owner", "waitMs"],
  compaction: [
    "levelIntervalsMs",
    "snapshotIntervalMs",
    "snapshotRetentionMs",
    "level0RetentionMs",
    "retentionIntervalMs",
  ],
} as const satisfies Partial<Record<keyof MountOptions, readonly string[]>>;

const REQUEST_TIMEOUT_MS = 30_000;
const EXIT_TIMEOUT_MS = 5_000;
const DEFAULT_NAME = "headwater.db";
const NAME_BYTES_MAX = 480;

function invalid(sentence: string): HeadwaterError {
  return new HeadwaterError("OPTION_INVALID", sentence);
}

function checkKind(name: string, kind: string, value: unknown): void {
  if (value === undefined || kind === "any") return;
  if (kind === "count") {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return;
    throw invalid(`option "${name}" must be a whole number, not ${String(value)}`);
  }
  if (typeof value !== kind) {
    throw invalid(`option "${name}" must be a ${kind}, not ${typeof value}`);
  }
}

function checkRaw(options: MountOptions, known: Readonly<Record<string, string>>): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError("expected an object of options with at least a url or a store");
  }
  checkNames(options, Object.keys(known));
  for (const [name, names] of Object.entries(KNOWN_WITHIN)) {
    const within = options[name as keyof typeof KNOWN_WITHIN];
    if (typeof within === "object" && within !== null) checkNames(within, names, `${name}.`);
  }
  for (const [name, kind] of Object.entries(known)) {
    checkKind(name, kind, (options as unknown as Record<string, unknown>)[name]);
  }
  checkPlace(options);
  checkPrices(options.prices);
  checkDrivers(options.drivers);
  if (options.mode !== undefined && options.mode !== "read" && options.mode !== "write") {
    throw invalid(`option "mode" must be "read" or "write", not "${String(options.mode)}"`);
  }
}

function checkNames(options: object, known: readonly string[], place = ""): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const alike = known.find((other) => isAlike(other, name));
    if (alike === undefined) throw invalid(`unknown option "${place}${name}"`);
    throw invalid(`misspelled option "${place}${name}" should be "${place}${alike}"`);
  }
}

/** But for upper case, or a unit at the end: "syncInterval" for "syncIntervalMs". */
function isAlike(known: string, given: string): boolean {
  const lower = given.toLowerCase();
  return [known, known.replace(/Ms$|Bytes$|Max$/, "")].some((name) => name.toLowerCase() === lower);
}

/** A value that was given, for its complaint. Not for what may have a secret in it. */
function shown(value: unknown): string {
  return inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY });
}

function checkPrices(prices: unknown): void {
  if (prices === undefined) return;
  if (typeof prices !== "object" || prices === null) {
    throw invalid(
      `option "prices" must be { provider, per1000, egressPerGib }, not ${shown(prices)}`,
    );
  }
  try {
    choosePrices(undefined, prices);
  } catch (error) {
    throw invalid(`option "prices": ${(error as Error).message}`);
  }
}

function checkDrivers(drivers: unknown): void {
  if (drivers === undefined) return;
  if (Array.isArray(drivers) && drivers.every((driver) => DRIVERS.includes(driver))) return;
  const names = DRIVERS.map((driver) => `"${driver}"`).join(" and ");
  throw invalid(`option "drivers" must be an array of ${names}, not ${shown(drivers)}`);
}

function checkPlace({ url, store, storeOptions, mode, journalDir }: MountOptions): void {
  if (store === undefined) {
    if (typeof url === "string" && url !== "") return;
    throw invalid('option "url" must say where the replica is, such as "s3://bucket/app.db"');
  }
  if (url !== undefined) throw invalid('options "url" and "store" exclude one another');
  if (storeOptions !== undefined) {
    throw invalid('what a store of your own needs goes into "store.options", not "storeOptions"');
  }
  if (mode === "write" && journalDir === undefined) {
    throw invalid('option "journalDir" must name a folder to write to a store of your own');
  }
}

/** As the engine can load it: found from this thread's program, with options of plain data. */
function toModule(name: string, reference: unknown): ModuleReference {
  if (typeof reference !== "object" || reference === null) {
    throw invalid(`option "${name}" must be { module, options }`);
  }
  try {
    return resolveModule(reference as ModuleReference);
  } catch (error) {
    if (!ObjectStoreError.is(error)) throw error;
    const sentence = `option "${name}": ${error.message}`;
    throw new HeadwaterError("OPTION_INVALID", sentence, { cause: error });
  }
}

function toStoreOptions(options: MountOptions["storeOptions"]): EngineMountOptions["storeOptions"] {
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw invalid('option "storeOptions" must be an object of options of the store');
  }
  if (options?.credentials === undefined) return options ?? {};
  return { ...options, credentials: toModule("storeOptions.credentials", options.credentials) };
}

/** The last part of the URL's path, which is what people call the database. */
function nameFromUrl(url: string | undefined): string {
  if (url === undefined) return DEFAULT_NAME;
  const last = redactUrl(url).replace(/\/+$/, "").split(/[/:]/).pop() ?? "";
  return last === "" ? DEFAULT_NAME : last;
}

function checkName(name: string): string {
  const isUsable = name !== "" && !/^\/\/|^file:|^:memory:$|[?#%\0]/i.test(name);
  if (!isUsable || Buffer.byteLength(name) > NAME_BYTES_MAX) {
    const rule =
      'it must not be empty or ":memory:", begin with "//" or "file:", or have "?", "#", "%"';
    throw invalid(`option "name" cannot be ${JSON.stringify(name)}: ${rule}`);
  }
  return name;
}

/**
 * One folder per replica, in the user's state directory: commits that are not yet in the bucket
 * must survive a restart of the machine, so a temp folder would not do. Empty where there is none.
 */
export function defaultJournalDir(
  options: Pick<MountOptions, "url" | "storeOptions" | "mode">,
  env: NodeJS.ProcessEnv,
): string {
  // Stores of one's own cannot be told apart here; `checkPlace` wants a folder from their writers.
  if (options.url === undefined) return "";
  const { XDG_STATE_HOME: given = "" } = env;
  // As its specification has it: with a relative one, each current folder would have a journal.
  const state = isAbsolute(given) ? given : homeStateDir();
  if (state !== undefined) return join(state, "headwater", journalFolderName(options, env));
  if (options.mode !== "write") return "";
  throw invalid(
    'this user has no home folder: option "journalDir", or LITESTREAM_BUFFER_PATH for a program ' +
      "that Litestream's variables set up, must say where commits wait for their upload",
  );
}

/** Users of containers often have none. */
function homeStateDir(): string | undefined {
  try {
    return join(homedir(), ".local", "state");
  } catch {
    return undefined;
  }
}

/** What the journal's folder of this replica is called. */
export function journalFolderName(
  { url = "", storeOptions }: Pick<MountOptions, "url" | "storeOptions">,
  env: NodeJS.ProcessEnv,
): string {
  const { account = "" } = storeOptions ?? {};
  const place = [redactUrl(url), serverOf(url, storeOptions, env), account].join(" ").trimEnd();
  const digest = createHash("sha256").update(place).digest("hex").slice(0, 16);
  const slug = nameFromUrl(url)
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .slice(0, 40);
  return `${slug}-${digest}`;
}

/** One URL can be a place on each of several servers. Empty: where the URL itself says. */
function serverOf(
  url: string,
  storeOptions: MountOptions["storeOptions"],
  env: NodeJS.ProcessEnv,
): string {
  const [scheme = "", query = ""] = [url.split(":")[0]?.toLowerCase(), url.split("?")[1]];
  const hasAccount = storeOptions?.account !== undefined || redactUrl(url).includes("@");
  const variables: readonly string[] =
    Object.hasOwn(PLACE_VARIABLES, scheme) && !hasAccount
      ? PLACE_VARIABLES[scheme as keyof typeof PLACE_VARIABLES]
      : [];
  const fromEnv = variables.map((name) => env[name]).find(Boolean);
  const named = storeOptions?.endpoint ?? new URLSearchParams(query).get("endpoint") ?? fromEnv;
  return String(named ?? "").replace(/\/+$/, "");
}

function hydrateOption(hydrate: MountOptions["hydrate"]): HydrateOptions | undefined {
  if (hydrate === undefined || hydrate === false) return undefined;
  if (hydrate === true) return {};
  if (typeof hydrate !== "object" || hydrate === null) {
    const wanted = "a boolean or { path, bytesPerSecondMax }";
    throw invalid(`option "hydrate" must be ${wanted}, not ${shown(hydrate)}`);
  }
  const { path, bytesPerSecondMax } = hydrate;
  if (path !== undefined && (typeof path !== "string" || path === "")) {
    throw invalid(`option "hydrate.path" must name a file, not ${shown(path)}`);
  }
  return { path: path === undefined ? undefined : resolve(path), bytesPerSecondMax };
}

/** Another folder may be current by the time that it is used. Of none there is a complaint then. */
function absolute(folder: string): string {
  return folder === "" ? folder : resolve(folder);
}

function compactionOption(compaction: MountOptions["compaction"]): MountOptions["compaction"] {
  if (compaction === undefined || compaction === "off") return compaction;
  if (typeof compaction === "object" && compaction !== null) return { ...compaction };
  const wanted = '"off" or an object of intervals';
  throw invalid(`option "compaction" must be ${wanted}, not ${shown(compaction)}`);
}

/** Complete, checked options for the engine. `env` is where the default journal folder is from. */
export function toEngineOptions(
  options: MountOptions,
  env: NodeJS.ProcessEnv,
  extra: Readonly<Record<string, "any">> = {},
): EngineMountOptions {
  checkRaw(options, { ...KNOWN, ...extra });
  return {
    source: options.url ?? toModule("store", options.store),
    storeOptions: toStoreOptions(options.storeOptions),
    name: checkName(options.name ?? nameFromUrl(options.url).replace(/[?#%\0]/g, "-")),
    unique: options.name === undefined,
    mode: options.mode ?? "read",
    hydrate: hydrateOption(options.hydrate),
    journalDir: absolute(options.journalDir ?? defaultJournalDir(options, env)),
    lease: options.lease ?? {},
    compaction: compactionOption(options.compaction),
    mustExist: options.mustExist ?? false,
    waitForReplica: options.waitForReplica ?? false,
    cacheBytes: options.cacheBytes,
    warmUp: options.warmUp,
    hedge: options.hedge,
    indexCacheDir:
      options.indexCacheDir === undefined ? undefined : absolute(options.indexCacheDir),
    pollIntervalMs: options.pollIntervalMs,
    pollIntervalMsMax: options.pollIntervalMsMax,
    syncIntervalMs: options.syncIntervalMs,
    durability: options.durability,
    journalBytesMax: options.journalBytesMax,
    requestTimeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    exitTimeoutMs: options.exitTimeoutMs ?? EXIT_TIMEOUT_MS,
  };
}
