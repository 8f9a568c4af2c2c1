/**
 * One earlier moment of a database, served to SQLite like a mount.
 *
 * Always true:
 *   - It shows one transaction from beginning to end, follows nothing, takes no commit, and holds
 *     neither lease nor journal. What a writer of this process has not uploaded is in no past.
 *   - It is there as long as somebody has claimed it or has a connection to it, and as long as the
 *     mount that it is the past of.
 *   - What it reads is what is in the bucket. When retention deletes that, who reads is told so.
 */

import { HeadwaterError } from "../errors.ts";
import { KEEP_SHARE, PAST_CACHE_BYTES_MAX } from "../limits.ts";
import type { LoadedMap } from "../load-map.ts";
import { keepLoadedPages, type MountBase } from "../mount-base.ts";
import type { MountParts } from "../mount-parts.ts";
import type { PageDevice } from "../page-device.ts";
import { makePageService, type PageService } from "../page-service.ts";
import { replicaError } from "../replica.ts";
import { RequestServer } from "../request-server.ts";
import type { Versions } from "../versions.ts";
import { formatMoment } from "./moment-planner.ts";

/** A claim to a past: it stays until this is closed. */
export interface Past extends AsyncDisposable {
  /** What SQLite opens. */
  readonly name: string;
  readonly txid: bigint;
  /** When that transaction was made, by its writer's clock. */
  readonly createdAtMs: number;
  readonly device: PageDevice;
  /** May be called again. Connections keep the past open, until the last one closes. */
  close(): Promise<void>;
}

export interface PastMountOptions extends Pick<MountParts, "settings" | "base" | "factory"> {
  readonly name: string;
  readonly loaded: LoadedMap;
  /** Whether the bucket still has the history that this is a moment of. */
  readonly isHistoryThere: () => Promise<boolean>;
  /** Told when it begins to close. */
  readonly onClosing: () => void;
}

export class PastMount {
  readonly name: string;
  readonly txid: bigint;
  readonly createdAtMs: number;
  readonly device: PageDevice;
  readonly #base: MountBase;
  readonly #service: PageService;
  readonly #server: RequestServer;
  readonly #end = new AbortController();
  readonly #onClosing: () => void;
  #claimCount = 0;
  #closing: Promise<void> | undefined;

  constructor(options: PastMountOptions) {
    const { settings, base, factory, name, loaded, isHistoryThere, onClosing } = options;
    const { requestTimeoutMs, clock } = settings;
    const { replica, queue, hedger, toPublished } = base;
    const { map, pageSize } = loaded;
    this.name = name;
    this.txid = map.txid;
    this.createdAtMs = map.lastFile!.createdAtMs;
    this.#base = base;
    this.#onClosing = onClosing;
    const state = toPublished(map.txid, map.pageCount, this.createdAtMs);
    this.device = factory.create(
      { name, mode: "read", pageSize, seq: 0, state, requestTimeoutMs, isPast: true },
      {
        onRequest: (request) => this.#server.serve(request),
        onCommit: () => {},
        onFull: () => {},
        onUnused: () => void this.closeIfUnused(),
      },
    );
    this.#service = makePageService({
      replica,
      device: this.device,
      queue,
      hedger,
      map,
      pageSize,
      cacheBytes: pastCacheBytes(settings.cacheBytes),
      warmUp: false,
      absentPages: () => "damage",
      onCompacted: () => {},
      isHistoryThere,
      signal: this.#end.signal,
    });
    const refuse = async () => {
      throw new HeadwaterError("OPTION_INVALID", "this is the past already");
    };
    this.#server = new RequestServer({
      device: this.device,
      clock,
      timeoutMs: requestTimeoutMs,
      readPage: (pgno, seq, signal) => this.#readPage(pgno, seq, signal),
      sync: async () => {},
      commit: refuse,
      travel: refuse,
    });
    void keepLoadedPages(this.#service.state, loaded, replica, this.#end.signal);
  }

  /** From now on connections can be opened. */
  activate(): void {
    const { name, txid, device } = this;
    const sentence =
      `this is the past, as of transaction ${txid}, and cannot be written to; the present can ` +
      "(PRAGMA headwater_time = 'latest')";
    device.setWritable(false, sentence);
    if (device.activate()) return;
    throw new HeadwaterError("OPTION_INVALID", `a database named "${name}" is mounted already`);
  }

  /** For compaction, which points them away from files that it deletes. */
  get versions(): Versions {
    return this.#service.state.versions;
  }

  /** Undefined once it is being closed. */
  claim(): Past | undefined {
    if (this.#closing !== undefined) return undefined;
    this.#claimCount += 1;
    let releasing: Promise<void> | undefined;
    const release = async (): Promise<void> => {
      this.#claimCount -= 1;
      await this.closeIfUnused();
    };
    const close = (): Promise<void> => {
      releasing ??= release();
      return releasing;
    };
    const { name, txid, createdAtMs, device } = this;
    return { name, txid, createdAtMs, device, close, [Symbol.asyncDispose]: close };
  }

  async closeIfUnused(): Promise<void> {
    const isOpen = this.#closing === undefined;
    if (isOpen && this.#claimCount === 0 && !this.device.isInUse()) await this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#onClosing();
    this.#end.abort(new HeadwaterError("CLOSED", `"${this.name}" has been closed`));
    this.#server.close();
    this.device.close();
  }

  async #readPage(pgno: number, seq: number, signal: AbortSignal): Promise<Uint8Array> {
    try {
      return await this.#service.reader.read(pgno, seq, signal);
    } catch (error) {
      if (!HeadwaterError.is(error, "SNAPSHOT_GONE")) throw error;
      const sentence =
        `transaction ${this.txid}, of ${formatMoment(this.createdAtMs)}, cannot be read any ` +
        "more: retention has deleted files of it; go to a later moment, or to 'latest'";
      throw replicaError(this.#base.replica, "SNAPSHOT_GONE", sentence, error);
    }
  }
}

export function pastCacheBytes(cacheBytes: number): number {
  return Math.min(cacheBytes, PAST_CACHE_BYTES_MAX);
}

/** Bytes of files that opening a past may hold for their pages. */
export function pastKeepBytes(cacheBytes: number): number {
  return pastCacheBytes(cacheBytes) / KEEP_SHARE;
}
