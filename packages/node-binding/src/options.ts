/**
 * The options of `mount()` and `openDatabase()`: types, defaults, a sentence for each mistake.
 */

import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { HeadwaterError, redactUrl } from "@headwater/vfs-core";
import type { Driver } from "./drivers.ts";
import type { EngineMountOptions } from "./engine/engine-mount-options.ts";

export interface MountOptions {
  /** Where the replica is: `s3://bucket/path`, `file:///folder` or `memory:name`. */
  readonly url: string;
  /** "read" follows the replica; "write" takes its lease. Default "read". */
  readonly mode?: "read" | "write";
  /** What connections call it: `file:NAME?vfs=headwater`. Default: the last part of the URL. */
  readonly name?: string;
  /** Fill a local copy in the background; with a path, that file is kept. Default off. */
  readonly hydrate?: boolean | { readonly path?: string };
  /** Write mode: where commits wait for their upload. Default: a folder of the user's own state. */
  readonly journalDir?: string;
  /** Write mode: "off" gives up the guarantee that there is one writer. */
  readonly lease?:
    | "off"
    | { readonly ttlMs?: number; readonly owner?: string; readonly waitMs?: number };
  /** Write mode: refuse to begin a new, empty database. Default false. */
  readonly mustExist?: boolean;
  /** Read mode: wait for a replica at the URL, until the signal aborts. Default false. */
  readonly waitForReplica?: boolean;
  /** Bytes of the page cache. */
  readonly cacheBytes?: number;
  /** Read mode: how often to look for new transactions. */
  readonly pollIntervalMs?: number;
  /** Write mode: how long a commit waits for its upload at the most. */
  readonly syncIntervalMs?: number;
  /** How long a read may wait for the store before SQLite reports an I/O error. */
  readonly requestTimeoutMs?: number;
  /** For the store: credentials, region, endpoint. Default: what the environment says. */
  readonly storeOptions?: Readonly<Record<string, string | boolean | number>>;
  /** Which SQLite libraries are to know of mounts. Default: those that the program uses. */
  readonly drivers?: readonly Driver[];
  /** Aborts the opening. */
  readonly signal?: AbortSignal;
}

const KNOWN = {
  url: "string",
  mode: "string",
  name: "string",
  hydrate: "any",
  journalDir: "string",
  lease: "any",
  mustExist: "boolean",
  waitForReplica: "boolean",
  cacheBytes: "count",
  pollIntervalMs: "count",
  syncIntervalMs: "count",
  requestTimeoutMs: "count",
  storeOptions: "any",
  drivers: "any",
  signal: "any",
} as const satisfies Record<keyof MountOptions, "any" | "boolean" | "count" | "string">;

const REQUEST_TIMEOUT_MS = 30_000;
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
    throw new TypeError("expected an object of options with at least a url");
  }
  for (const name of Object.keys(options)) {
    const alike = Object.keys(known).find((other) => other.toLowerCase() === name.toLowerCase());
    if (known[name] !== undefined) continue;
    if (alike !== undefined) throw invalid(`misspelled option "${name}" should be "${alike}"`);
    throw invalid(`unknown option "${name}"`);
  }
  for (const [name, kind] of Object.entries(known)) {
    checkKind(name, kind, (options as unknown as Record<string, unknown>)[name]);
  }
  if (typeof options.url !== "string" || options.url === "") {
    throw invalid('option "url" must say where the replica is, such as "s3://bucket/app.db"');
  }
  if (options.mode !== undefined && options.mode !== "read" && options.mode !== "write") {
    throw invalid(`option "mode" must be "read" or "write", not "${String(options.mode)}"`);
  }
}

/** The last part of the URL's path, which is what people call the database. */
function nameFromUrl(url: string): string {
  const last = redactUrl(url).replace(/\/+$/, "").split(/[/:]/).pop() ?? "";
  return last === "" ? "headwater.db" : last;
}

function checkName(name: string): string {
  const isUsable = name !== "" && !/^\/\/|[?#%\0]/.test(name);
  if (!isUsable || Buffer.byteLength(name) > NAME_BYTES_MAX) {
    const rule = 'it must not be empty, begin with "//", or have "?", "#" or "%" in it';
    throw invalid(`option "name" cannot be ${JSON.stringify(name)}: ${rule}`);
  }
  return name;
}

/**
 * One folder per replica, in the user's state directory: commits that are not yet in the bucket
 * must survive a restart of the machine, so a temp folder would not do.
 */
function defaultJournalDir(url: string, env: NodeJS.ProcessEnv): string {
  const state = env.XDG_STATE_HOME ?? join(homedir(), ".local", "state");
  const shown = redactUrl(url);
  const digest = createHash("sha256").update(shown).digest("hex").slice(0, 16);
  const slug = nameFromUrl(url)
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .slice(0, 40);
  return join(state, "headwater", `${slug}-${digest}`);
}

function hydrateOption(hydrate: MountOptions["hydrate"]): { path?: string } | undefined {
  if (hydrate === undefined || hydrate === false) return undefined;
  if (hydrate === true) return {};
  if (typeof hydrate !== "object" || hydrate === null) {
    throw invalid('option "hydrate" must be a boolean or { path }');
  }
  if (hydrate.path !== undefined && typeof hydrate.path !== "string") {
    throw invalid('option "hydrate.path" must be a string');
  }
  return hydrate.path === undefined ? {} : { path: hydrate.path };
}

/** Complete, checked options for the engine. `env` is where the default journal folder is from. */
export function toEngineOptions(
  options: MountOptions,
  env: NodeJS.ProcessEnv,
  extra: Readonly<Record<string, "any">> = {},
): EngineMountOptions {
  checkRaw(options, { ...KNOWN, ...extra });
  return {
    url: options.url,
    storeOptions: options.storeOptions ?? {},
    name: checkName(options.name ?? nameFromUrl(options.url).replace(/[?#%\0]/g, "-")),
    unique: options.name === undefined,
    mode: options.mode ?? "read",
    hydrate: hydrateOption(options.hydrate),
    journalDir: options.journalDir ?? defaultJournalDir(options.url, env),
    lease: options.lease ?? {},
    mustExist: options.mustExist ?? false,
    waitForReplica: options.waitForReplica ?? false,
    cacheBytes: options.cacheBytes,
    pollIntervalMs: options.pollIntervalMs,
    syncIntervalMs: options.syncIntervalMs,
    requestTimeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
  };
}
