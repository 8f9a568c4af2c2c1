/**
 * The mount: what both modes share, and a role that may change.
 *
 * Always true:
 *   - One role at a time. While it changes, the one before serves, until the moment at which the
 *     other does; a change that fails leaves the one before as it was.
 *   - Device, pages, connections and whoever waits for a transaction outlive a change of roles.
 */

import { untilAborted } from "@headwater/object-store";
import type { DeviceFactory } from "./device-factory.ts";
import { HeadwaterError } from "./errors.ts";
import { type Hydration, startHydration } from "./hydrate/hydration.ts";
import type { LoadedMap } from "./load-map.ts";
import type { DemoteOptions, Mount, PromoteOptions, WaitOptions } from "./mount.ts";
import { keepLoadedPages, type MountBase } from "./mount-base.ts";
import { type MountEvent, makeTell } from "./mount-event.ts";
import type { MountParts } from "./mount-parts.ts";
import { checkCacheBytes, type MountSettings } from "./options.ts";
import type { Journey } from "./page-device.ts";
import { makePageService } from "./page-service.ts";
import { Reader } from "./read/reader.ts";
import { forPurpose } from "./replica.ts";
import { RequestServer } from "./request-server.ts";
import { resizeCache } from "./resize-cache.ts";
import type { Moment } from "./restore-plan.ts";
import { seeHydration } from "./seeing/see-hydration.ts";
import type { MountStatus } from "./status.ts";
import type { Past } from "./travel/past.ts";
import { Pasts } from "./travel/pasts.ts";
import { TxidWaiters } from "./txid-waiters.ts";
import { promote } from "./write/promote.ts";
import type { Writer } from "./write/writer.ts";

export type Role =
  | { readonly type: "reader"; readonly reader: Reader }
  | { readonly type: "writer"; readonly writer: Writer };

type RoleState =
  | Role
  /** `role` serves until it is over. `done` never rejects. */
  | { readonly type: "switching"; readonly role: Role; readonly done: Promise<void> };

/** What the device is to show first. */
export interface MountStart {
  readonly mode: "read" | "write";
  readonly seq: number;
  readonly loaded: LoadedMap;
}

export class RoleMount implements Mount {
  readonly parts: MountParts;
  readonly #server: RequestServer;
  readonly #end = new AbortController();
  /** Ends a change of roles that is under way. */
  readonly #switchEnd = new AbortController();
  #state: RoleState;
  #hydration: Hydration | undefined;
  #closing: Promise<void> | undefined;
  /** From when the device is closed, which can be asked nothing then. */
  #lastStatus: MountStatus | undefined;

  constructor(
    settings: MountSettings,
    base: MountBase,
    factory: DeviceFactory,
    start: MountStart,
    makeRole: (parts: MountParts) => Role,
  ) {
    const { clock, requestTimeoutMs } = settings;
    this.parts = this.#makeParts(settings, base, factory, start);
    const { device, service } = this.parts;
    this.#server = new RequestServer({
      device,
      clock,
      timeoutMs: requestTimeoutMs,
      readPage: (pgno, seq, signal) => service.reader.read(pgno, seq, signal),
      sync: (signal) => this.flush({ signal }),
      commit: (seq) => this.#commit(seq),
      travel: (journey, signal) => this.#travel(journey, signal),
    });
    this.#state = makeRole(this.parts);
  }

  get name(): string {
    return this.parts.settings.name;
  }

  get counters(): SharedArrayBuffer {
    return this.parts.settings.seeing.counters.buffer;
  }

  get mode(): "read" | "write" {
    return this.#role.type === "reader" ? "read" : "write";
  }

  /** From now on connections can be opened, and the role is played. */
  async activate(loaded: LoadedMap): Promise<void> {
    const { settings, base, factory, device, service, tell } = this.parts;
    const { hydrate, name, seeing, disk } = settings;
    void keepLoadedPages(service.state, loaded, base.replica, this.#end.signal);
    if (hydrate !== undefined) {
      const replica = forPurpose(base.replica, "hydration");
      const telling = seeHydration(seeing, tell, () => this.#hydration?.status());
      const parts = { ...service, replica, queue: base.queue, tell: telling, disk };
      this.#hydration = await startHydration(hydrate, factory, parts);
    }
    if (!device.activate()) {
      throw new HeadwaterError("OPTION_INVALID", `a database named "${name}" is mounted already`);
    }
    const role = this.#role;
    if (role.type === "reader") role.reader.start();
    else role.writer.start();
    service.warmUp?.start();
  }

  status(): MountStatus {
    const { settings, base, device, service } = this.parts;
    const counted = { requests: base.counts.toJSON(), usage: settings.seeing.usage() };
    // The lease is given back after that, by requests that count.
    if (this.#lastStatus !== undefined) return { ...this.#lastStatus, ...counted };
    const { state } = service;
    const { txid, seq, pageCount, pageSize } = device.state();
    const role = this.#role;
    return {
      name: this.name,
      mode: this.mode,
      url: base.replica.name,
      txid,
      seq,
      pageSize,
      pageCount,
      lagMs: role.type === "reader" ? role.reader.status().lagMs : role.writer.lagMs,
      versionCount: state.versions.count,
      cache: state.cache?.stats,
      reads: device.readCounts(),
      hedging: base.hedger?.status(),
      warmUp: service.warmUp?.status(),
      indexCache: base.indexes?.status(),
      ...counted,
      follow: role.type === "reader" ? role.reader.status() : undefined,
      sync: role.type === "writer" ? role.writer.syncStatus() : undefined,
      compaction: role.type === "writer" ? role.writer.compactionStatus() : undefined,
      hydration: this.#hydration?.status(),
      pasts: this.parts.pasts.status(),
    };
  }

  async flush({ signal }: WaitOptions = {}): Promise<bigint> {
    this.#requireOpen();
    while (this.#state.type === "switching" && !isFollowing(this.#state.role)) {
      await untilAborted(this.#state.done, signal);
      this.#requireOpen();
    }
    const role = this.#role;
    return role.type === "reader" ? role.reader.flush(signal) : role.writer.flush(signal);
  }

  async waitForTxid(txid: bigint, { signal }: WaitOptions = {}): Promise<void> {
    this.#requireOpen();
    const { waiters } = this.parts;
    const isHere = waiters.hasReached(txid);
    const reached = waiters.wait(txid, signal);
    const role = this.#role;
    if (role.type === "reader" && !isHere) role.reader.hurry();
    await reached;
  }

  async hydrated({ signal }: WaitOptions = {}): Promise<void> {
    this.#requireOpen();
    if (this.#hydration === undefined) {
      throw new HeadwaterError("OPTION_INVALID", `"${this.name}" was opened without hydration`);
    }
    await untilAborted(this.#hydration.whenDone(), signal);
  }

  async resizeCache(cacheBytes: number): Promise<number> {
    this.#requireOpen();
    checkCacheBytes(cacheBytes);
    const { settings, service } = this.parts;
    return resizeCache(service.state, cacheBytes, {
      clock: settings.clock,
      signal: this.#end.signal,
    });
  }

  async promote({ signal, waitMs }: PromoteOptions = {}): Promise<void> {
    await this.#switch("promoted", signal, async (role, signal) => {
      if (role.type === "writer") return role;
      const writer = await promote(this.parts, role.reader, { signal, waitMs });
      return { type: "writer", writer };
    });
  }

  async demote({ signal }: DemoteOptions = {}): Promise<void> {
    await this.#switch("demoted", signal, async (role, signal) => {
      if (role.type === "reader") return role;
      await role.writer.stepDown(signal);
      const reader = new Reader(this.parts, { agoMs: 0 });
      reader.start();
      return { type: "reader", reader };
    });
  }

  async at(moment: Moment, { signal }: WaitOptions = {}): Promise<Past> {
    this.#requireOpen();
    return this.parts.pasts.open(moment, signal);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** For an opening that failed: nothing was committed, so nothing is uploaded. */
  async abandon(): Promise<void> {
    this.#closing ??= this.#release();
    await this.#closing;
  }

  /** Ends everything but a writer's lease and folder, which are whoever opened them's. */
  async end(): Promise<void> {
    const closed = this.#closedError();
    const { waiters, device, service, base, pasts } = this.parts;
    const role = this.#role;
    const ended = role.type === "reader" ? role.reader.end(closed) : role.writer.end(closed);
    this.#end.abort(closed);
    waiters.fail(closed);
    await pasts.close(closed);
    await ended;
    await this.#hydration?.close();
    await service.warmUp?.close();
    await base.indexes?.close();
    this.#server.close();
    this.#lastStatus = this.status();
    device.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The one that serves now. */
  get #role(): Role {
    return this.#state.type === "switching" ? this.#state.role : this.#state;
  }

  #makeParts(
    settings: MountSettings,
    base: MountBase,
    factory: DeviceFactory,
    { mode, seq, loaded }: MountStart,
  ): MountParts {
    const { name, requestTimeoutMs, cacheBytes, journalBytesMax, durability } = settings;
    const { map, pageSize } = loaded;
    const state = base.toPublished(map.txid, map.pageCount, map.lastFile?.createdAtMs);
    const commits = { requestTimeoutMs, journalBytesMax, durability };
    const device = factory.create(
      { name, mode, pageSize, seq, state, ...commits },
      {
        onRequest: (request) => this.#server.serve(request),
        onCommit: () => this.#writer?.onCommit(),
        onFull: () => this.#writer?.onFull(),
        onUnused: () => {},
      },
    );
    const service = makePageService({
      replica: base.replica,
      device,
      queue: base.queue,
      hedger: base.hedger,
      map,
      pageSize,
      cacheBytes,
      warmUp: settings.warmUp,
      absentPages: () => (this.#role.type === "writer" ? "zeros" : "damage"),
      onCompacted: () => this.#onCompacted(),
      signal: this.#end.signal,
    });
    const waiters = new TxidWaiters(map.txid);
    const tell = makeTell(settings.onEvent);
    const present = () => service.state.versions.newest.map;
    const pasts = new Pasts({ settings, base, factory, present });
    return { settings, base, factory, device, service, waiters, pasts, tell };
  }

  get #writer(): Writer | undefined {
    const role = this.#role;
    return role.type === "writer" ? role.writer : undefined;
  }

  /** A writer's own files are only compacted by itself, which moves its pages first. */
  async #onCompacted(): Promise<void> {
    const role = this.#role;
    if (role.type === "reader") await role.reader.heal();
  }

  async #commit(seq: number): Promise<void> {
    if (this.#writer === undefined) throw new Error(`a device in read mode has made commit ${seq}`);
    await this.#writer.commit(seq);
  }

  async #travel(journey: Journey, signal: AbortSignal): Promise<void> {
    const moment = await journey.moment();
    await using past = await this.at(moment, { signal });
    journey.arrive(past.device, moment);
  }

  /** One change at a time. Nothing to do when the role is the one that it would lead to. */
  async #switch(
    type: (MountEvent & { readonly type: "promoted" | "demoted" })["type"],
    signal: AbortSignal | undefined,
    change: (role: Role, signal: AbortSignal) => Promise<Role>,
  ): Promise<void> {
    this.#requireOpen();
    signal?.throwIfAborted();
    while (this.#state.type === "switching") {
      await untilAborted(this.#state.done, signal);
      this.#requireOpen();
    }
    const before = this.#state;
    const signals = signal === undefined ? [] : [signal];
    const changed = change(before, AbortSignal.any([...signals, this.#switchEnd.signal]));
    const settle = (role: Role) => {
      this.#state = role;
    };
    const done = changed.then(settle, () => settle(before));
    this.#state = { type: "switching", role: before, done };
    const after = await changed;
    await done;
    if (after !== before) this.parts.tell({ type });
  }

  async #close(): Promise<void> {
    const closing = new HeadwaterError("CLOSED", `"${this.name}" is being closed`);
    this.#switchEnd.abort(closing);
    while (this.#state.type === "switching") await this.#state.done;
    const failure = await this.#writer?.finish(closing);
    await this.#release();
    if (failure !== undefined) throw failure;
  }

  async #release(): Promise<void> {
    await this.end();
    await this.#writer?.giveBack();
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw this.#closedError();
  }

  #closedError(): HeadwaterError {
    return new HeadwaterError("CLOSED", `"${this.name}" has been closed; open it again`);
  }
}

/** Until the one step of a promotion that needs the bucket to stand still. */
function isFollowing(role: Role): boolean {
  return role.type === "reader" && !role.reader.isPaused;
}
