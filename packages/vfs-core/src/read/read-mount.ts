/**
 * Read mode: shows a replica that others write, and follows it.
 */

import type { DeviceFactory } from "../device-factory.ts";
import { HeadwaterError } from "../errors.ts";
import type { FileLocks } from "../file-locks.ts";
import { type Hydration, startHydration } from "../hydrate/hydration.ts";
import { type LoadedMap, loadMap } from "../load-map.ts";
import type { Mount, WaitOptions } from "../mount.ts";
import { keepLoadedPages, type MountBase, makeMountBase } from "../mount-base.ts";
import type { ReadSettings } from "../options.ts";
import type { PageDevice } from "../page-device.ts";
import { makePageService, type PageService } from "../page-service.ts";
import { replicaError } from "../replica.ts";
import { RequestServer } from "../request-server.ts";
import { type MountStatus, summarizeError } from "../status.ts";
import { TxidWaiters } from "../txid-waiters.ts";
import { withSignal } from "../with-signal.ts";
import { Follower } from "./follower.ts";

/** A part of the cache's size: what is opened or polled may hold this much beside it. */
const KEEP_SHARE = 2;

export async function openReadMount(
  settings: ReadSettings,
  factory: DeviceFactory,
): Promise<Mount> {
  const base = makeMountBase(settings);
  const opened = await loadWhenThere(base, settings);
  const mount = new ReadMount(settings, base, opened, factory);
  try {
    await mount.start(opened);
    return mount;
  } catch (error) {
    await mount.close();
    throw error;
  }
}

/** With `waitForReplica`, until there is something; else rejects at once when there is nothing. */
async function loadWhenThere(base: MountBase, settings: ReadSettings): Promise<LoadedMap> {
  const { replica, queue, files } = base;
  const { signal, clock, cacheBytes, pollIntervalMs, waitForReplica = false } = settings;
  const keepBytes = cacheBytes / KEEP_SHARE;
  for (;;) {
    const opened = await loadMap(replica, {
      queue,
      files,
      keepBytes,
      signal,
      target: { type: "latest" },
    });
    if (opened !== undefined) return opened;
    if (!waitForReplica) {
      throw replicaError(replica, "REPLICA_NOT_FOUND", "there is no database here");
    }
    await clock.sleep(Math.max(pollIntervalMs, 1), { signal });
  }
}

class ReadMount implements Mount {
  readonly mode = "read";
  readonly #settings: ReadSettings;
  readonly #base: MountBase;
  readonly #locks: FileLocks;
  readonly #device: PageDevice;
  readonly #service: PageService;
  readonly #follower: Follower;
  readonly #waiters: TxidWaiters;
  readonly #server: RequestServer;
  readonly #end = new AbortController();
  #following: Promise<void> | undefined;
  #hydration: Hydration | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    settings: ReadSettings,
    base: MountBase,
    { map, pageSize, createdAtMs }: LoadedMap,
    factory: DeviceFactory,
  ) {
    const { replica, queue, toPublished } = base;
    const { name, requestTimeoutMs, cacheBytes, pollIntervalMs, listIntervalMs } = settings;
    const { signal } = this.#end;
    this.#settings = settings;
    this.#base = base;
    this.#locks = factory;
    this.#device = factory.create(
      {
        name,
        mode: "read",
        pageSize,
        seq: 0,
        state: toPublished(map.txid, map.pageCount),
        requestTimeoutMs,
      },
      { onRequest: (request) => this.#server.serve(request), onCommit: () => {}, onFull: () => {} },
    );
    this.#service = makePageService({
      replica,
      device: this.#device,
      queue,
      map,
      pageSize,
      cacheBytes,
      absentPages: "damage",
      onCompacted: () => this.#follower.heal(),
      signal,
    });
    this.#waiters = new TxidWaiters(map.txid);
    this.#server = new RequestServer({
      device: this.#device,
      clock: replica.clock,
      timeoutMs: requestTimeoutMs,
      readPage: (pgno, seq, signal) => this.#service.reader.read(pgno, seq, signal),
      sync: (signal) => this.flush({ signal }),
      commit: async (seq) => {
        throw new Error(`a device in read mode has made commit ${seq}`);
      },
    });
    this.#follower = new Follower(
      {
        replica,
        state: this.#service.state,
        queue,
        waiters: this.#waiters,
        signal,
        pollIntervalMs,
        listIntervalMs,
        keepBytes: cacheBytes / KEEP_SHARE,
        toPublished,
      },
      createdAtMs,
    );
  }

  get name(): string {
    return this.#settings.name;
  }

  async start(opened: LoadedMap): Promise<void> {
    const { hydrate, name } = this.#settings;
    void keepLoadedPages(this.#service.state, opened, this.#base.replica);
    if (hydrate !== undefined) {
      const { replica } = this.#base;
      this.#hydration = await startHydration(hydrate, this.#locks, { replica, ...this.#service });
    }
    if (!this.#device.activate()) {
      throw new HeadwaterError("OPTION_INVALID", `a database named "${name}" is mounted already`);
    }
    this.#following = this.#follower.run();
  }

  status(): MountStatus {
    const { state } = this.#service;
    const { txid, seq, pageCount } = this.#device.state();
    const { lagMs, pollCount, lastError, createdAtMs } = this.#follower.status();
    return {
      name: this.name,
      mode: this.mode,
      url: this.#base.replica.name,
      txid,
      seq,
      pageSize: state.pageSize,
      pageCount,
      versionCount: state.versions.count,
      cache: state.cache?.stats,
      requests: this.#base.counts.toJSON(),
      follow: { lagMs, pollCount, lastError: summarizeError(lastError), createdAtMs },
      sync: undefined,
      compaction: undefined,
      hydration: this.#hydration?.status(),
    };
  }

  async flush({ signal }: WaitOptions = {}): Promise<bigint> {
    this.#requireOpen();
    await withSignal(this.#follower.poll(), signal);
    return this.#device.state().txid;
  }

  async waitForTxid(txid: bigint, { signal }: WaitOptions = {}): Promise<void> {
    this.#requireOpen();
    const reached = this.#waiters.wait(txid, signal);
    this.#follower.hurry();
    await reached;
  }

  async hydrated({ signal }: WaitOptions = {}): Promise<void> {
    this.#requireOpen();
    if (this.#hydration === undefined) {
      throw new HeadwaterError("OPTION_INVALID", `"${this.name}" was opened without hydration`);
    }
    await withSignal(this.#hydration.whenDone(), signal);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const closed = this.#closedError();
    this.#end.abort(closed);
    this.#waiters.fail(closed);
    await this.#following;
    await this.#hydration?.close();
    this.#server.close();
    this.#device.close();
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw this.#closedError();
  }

  #closedError(): HeadwaterError {
    return new HeadwaterError("CLOSED", `"${this.name}" has been closed; open it again`);
  }
}
