/**
 * The options of a mount: what they are, their defaults, and one sentence for each that is wrong.
 */

import { OWNER_LENGTH_MAX, TTL_MS_MAX, TTL_MS_MIN } from "@headwater/lease";
import type { ObjectStore } from "@headwater/object-store";
import type { Clock, Random } from "./clock.ts";
import { type CompactionOptions, chooseCompaction } from "./compact/compaction-options.ts";
import type { Disk } from "./disk/disk.ts";
import { systemDisk } from "./disk/system-disk.ts";
import { HeadwaterError } from "./errors.ts";
import type { HydrateChoice } from "./hydrate/hydration.ts";
import { LIST_INTERVAL_MS } from "./limits.ts";
import type { MountEvent } from "./mount-event.ts";
import type { Observer } from "./seeing/messages.ts";
import { Seeing } from "./seeing/seeing.ts";
import { systemClock, systemRandom } from "./system.ts";

export type LeaseChoice =
  | "off"
  | {
      readonly ttlMs?: number | undefined;
      /** A name for people. By default, host and process. */
      readonly owner?: string | undefined;
      /** How long to wait for a lease that another holds. Zero, the default: not at all. */
      readonly waitMs?: number | undefined;
    };

/** When COMMIT returns: once the journal has the transaction, or once the bucket has it. */
export type Durability = "eventual" | "remote";

interface CommonOptions {
  /** What SQLite opens. */
  readonly name: string;
  /** Not closed with the mount: whoever opened it closes it. */
  readonly store: ObjectStore;
  /** Where in the store the replica lies. */
  readonly path: string;
  /** For messages; what could be secret in it is left out of them. */
  readonly url: string;
  readonly cacheBytes?: number | undefined;
  /** How long a reader waits for a page. Every request to the store has its deadline from this. */
  readonly requestTimeoutMs?: number | undefined;
  /** Fills a local copy in the background. Without a path, one that goes with the mount. */
  readonly hydrate?: HydrateChoice | undefined;
  /** Fetch the schema and the interior pages of b-trees right after opening. Default true. */
  readonly warmUp?: boolean | undefined;
  /** Send slow small requests a second time, a few in a hundred at the most. Default true. */
  readonly hedge?: boolean | undefined;
  /** A folder of this user for indexes, so that the next opening is faster. Default: none. */
  readonly indexCacheDir?: string | undefined;
  /** Told of what happens, in the order in which it does. */
  readonly onEvent?: ((event: MountEvent) => void) | undefined;
  /** Told of its work, as it wants. */
  readonly observer?: Observer | undefined;
  /** Ends the opening, not the mount. */
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
  /** Spreads retries, and makes the nonces of a lease. */
  readonly random?: Random | undefined;
}

/** Whatever mode a mount is opened in, it may change later: these are used when it reads. */
interface ReadChoices {
  /** Zero: look for new transactions only when asked. */
  readonly pollIntervalMs?: number | undefined;
  /**
   * While nothing is written, polls become as rare as this: a tenth of the quiet time lies between
   * them. By default they do not.
   */
  readonly pollIntervalMsMax?: number | undefined;
  /** How often to list everything, to heal what following by name cannot see. */
  readonly listIntervalMs?: number | undefined;
}

/** The same, when it writes. */
interface WriteChoices {
  /** A folder of this replica alone, on a disk that survives a crash. */
  readonly journalDir?: string | undefined;
  readonly syncIntervalMs?: number | undefined;
  readonly durability?: Durability | undefined;
  /** Bytes of commits that the bucket has not, before COMMIT waits and then fails. */
  readonly journalBytesMax?: number | undefined;
  readonly lease?: LeaseChoice | undefined;
  /** Compaction, snapshots and retention, as the holder of the lease. On, unless it is off. */
  readonly compaction?: "off" | CompactionOptions | undefined;
  /** Where `journalDir` is; the segments in it are the page device's affair. */
  readonly disk?: Disk | undefined;
}

export interface ReadMountOptions extends CommonOptions, ReadChoices, WriteChoices {
  readonly mode: "read";
  /** Wait until there is a replica, until the signal aborts. */
  readonly waitForReplica?: boolean | undefined;
}

export interface WriteMountOptions extends CommonOptions, ReadChoices, WriteChoices {
  readonly mode: "write";
  readonly journalDir: string;
  /** Refuse to begin a new, empty database. */
  readonly mustExist?: boolean | undefined;
}

export type MountOptions = ReadMountOptions | WriteMountOptions;

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

const DEFAULTS = {
  cacheBytes: 64 * MIB,
  requestTimeoutMs: 30_000,
  pollIntervalMs: 1000,
  listIntervalMs: LIST_INTERVAL_MS,
  syncIntervalMs: 1000,
  durability: "eventual" as Durability,
  journalBytesMax: GIB,
  warmUp: true,
  hedge: true,
};

export const LEASE_TTL_MS = 30_000;

type Settled<Options> = Options &
  Required<{
    [Name in keyof Options & (keyof typeof DEFAULTS | "clock" | "random" | "disk")]: Exclude<
      Options[Name],
      undefined
    >;
  }>;

/** What a mount needs in whatever mode it is. */
export type MountSettings = Settled<CommonOptions & ReadChoices & WriteChoices> & Seen;
export type ReadSettings = Settled<ReadMountOptions> & Seen;
export type WriteSettings = Settled<WriteMountOptions> & Seen;

interface Seen {
  readonly seeing: Seeing;
}

export function settleReadOptions(options: ReadMountOptions): ReadSettings {
  return { ...options, ...settle(options) };
}

export function settleWriteOptions(options: WriteMountOptions): WriteSettings {
  if (options.journalDir === "") throw invalid("journalDir must name a folder");
  return { ...options, ...settle(options) };
}

function settle(options: CommonOptions & ReadChoices & WriteChoices) {
  checkCommon(options);
  const { pollIntervalMs = DEFAULTS.pollIntervalMs } = options;
  const { listIntervalMs = DEFAULTS.listIntervalMs } = options;
  const { syncIntervalMs = DEFAULTS.syncIntervalMs } = options;
  const { durability = DEFAULTS.durability } = options;
  const { journalBytesMax = DEFAULTS.journalBytesMax, disk = systemDisk } = options;
  checkHydrate(options.hydrate);
  checkLease(options.lease);
  checkDuration("pollIntervalMs", pollIntervalMs, 0);
  checkDuration("pollIntervalMsMax", options.pollIntervalMsMax ?? pollIntervalMs, pollIntervalMs);
  checkDuration("listIntervalMs", listIntervalMs, 1);
  checkDuration("syncIntervalMs", syncIntervalMs, 1);
  if (durability !== "eventual" && durability !== "remote") {
    throw invalid(`durability must be "eventual" or "remote": ${String(durability)}`);
  }
  if (!(Number.isFinite(journalBytesMax) && journalBytesMax > 0)) {
    throw invalid(`journalBytesMax must be more than 0: ${journalBytesMax}`);
  }
  try {
    chooseCompaction(options.compaction, options.lease !== "off");
  } catch (error) {
    throw invalid((error as Error).message);
  }
  const reading = { pollIntervalMs, listIntervalMs };
  const writing = { syncIntervalMs, durability, journalBytesMax, disk };
  return { ...settleCommon(options), ...reading, ...writing };
}

function settleCommon(options: CommonOptions) {
  const { name, observer, clock = systemClock } = options;
  return {
    seeing: new Seeing({ name, clock, observer }),
    cacheBytes: options.cacheBytes ?? DEFAULTS.cacheBytes,
    warmUp: options.warmUp ?? DEFAULTS.warmUp,
    hedge: options.hedge ?? DEFAULTS.hedge,
    requestTimeoutMs: options.requestTimeoutMs ?? DEFAULTS.requestTimeoutMs,
    clock,
    random: options.random ?? systemRandom,
  };
}

function checkCommon({ name, cacheBytes, requestTimeoutMs, indexCacheDir }: CommonOptions): void {
  if (name === "") throw invalid("name must not be empty");
  if (indexCacheDir === "") throw invalid("indexCacheDir must name a folder");
  if (cacheBytes !== undefined) checkCacheBytes(cacheBytes);
  if (requestTimeoutMs !== undefined) checkDuration("requestTimeoutMs", requestTimeoutMs, 1);
}

function checkHydrate({ path, bytesPerSecondMax }: HydrateChoice = {}): void {
  if (path === "") throw invalid("hydrate.path must name a file");
  if (bytesPerSecondMax === undefined || bytesPerSecondMax > 0) return;
  throw invalid(`hydrate.bytesPerSecondMax must be more than 0: ${bytesPerSecondMax}`);
}

function checkLease(lease: LeaseChoice = {}): void {
  if (lease === "off") return;
  if (typeof lease !== "object" || lease === null) {
    throw invalid(`lease must be "off" or { ttlMs, owner, waitMs }: ${String(lease)}`);
  }
  const { ttlMs = LEASE_TTL_MS, owner = "", waitMs = 0 } = lease;
  if (!(Number.isFinite(ttlMs) && ttlMs >= TTL_MS_MIN && ttlMs <= TTL_MS_MAX)) {
    throw invalid(`lease.ttlMs must be from ${TTL_MS_MIN} to ${TTL_MS_MAX}: ${ttlMs}`);
  }
  if (typeof owner !== "string" || owner.length > OWNER_LENGTH_MAX) {
    throw invalid(`lease.owner must be a text of ${OWNER_LENGTH_MAX} characters at the most`);
  }
  checkDuration("lease.waitMs", waitMs, 0);
}

export function checkCacheBytes(cacheBytes: number): void {
  if (Number.isFinite(cacheBytes) && cacheBytes >= 0) return;
  throw invalid(`cacheBytes must be 0 or more: ${cacheBytes}`);
}

function checkDuration(name: string, value: number, min: number): void {
  if (Number.isFinite(value) && value >= min) return;
  throw invalid(`${name} must be ${min} or more milliseconds: ${value}`);
}

function invalid(sentence: string): HeadwaterError {
  return new HeadwaterError("OPTION_INVALID", sentence);
}
