/**
 * One pass of hydration over the database: brings every page that can be brought now.
 *
 * Pages that are in memory are written first, since somebody has wanted them; then those of small
 * files and of files that were read whole before; then large files, the newest first, each from its
 * first byte to its last.
 */

import { type DecoderCheckpoint, decodeLtxStream } from "@headwater/ltx";
import { HeadwaterError } from "../errors.ts";
import {
  HYDRATE_BATCH_BYTES,
  HYDRATE_FILES_PARALLEL,
  HYDRATE_LOOK_PAGES,
  HYDRATE_RANGE_BYTES,
  HYDRATE_WINDOW_BYTES,
  WHOLE_FILE_BYTES,
} from "../limits.ts";
import { explainDamage, requireSameRange } from "../load-file.ts";
import type { LtxFile } from "../ltx-file.ts";
import { isSamePlace, type MountState } from "../mount-state.ts";
import type { PageLocation } from "../page-map.ts";
import type { PageFetcher } from "../read/page-fetcher.ts";
import type { Replanner } from "../read/replanner.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import { isGone, type Replica } from "../replica.ts";
import type { Bandwidth } from "./bandwidth.ts";
import { Batches } from "./batches.ts";
import type { ImagePages, LandedPage } from "./image-pages.ts";
import { PageSet } from "./page-set.ts";
import { PageSlab } from "./page-slab.ts";
import { readPieces } from "./read-pieces.ts";
import { Slots } from "./slots.ts";

/** A large file of which the beginning was read. */
export interface BegunFile {
  readonly checkpoint: DecoderCheckpoint;
  /** Its pages up to there, and maybe some more, as far as they were wanted. */
  readonly brought: PageSet;
}

/** What is known of the files that pages come from. */
export interface Sources {
  /** Every byte was read and verified. */
  readonly sound: WeakSet<LtxFile>;
  /** Why not. */
  readonly damaged: WeakMap<LtxFile, unknown>;
  /** Where reading goes on. */
  readonly begun: Map<LtxFile, BegunFile>;
  /** Small files that were asked for, each of them whole. */
  readonly asked: WeakSet<LtxFile>;
}

export interface HydrationPassOptions {
  readonly replica: Replica;
  readonly queue: RequestQueue;
  readonly state: MountState;
  readonly fetcher: PageFetcher;
  readonly replanner: Replanner;
  readonly pages: ImagePages;
  readonly sources: Sources;
  readonly bandwidth: Bandwidth;
  /** Called when the store does not answer; resolves when it may be asked again. */
  readonly pause: (error: unknown) => Promise<void>;
  /** There is more to be kept. */
  readonly onBrought: () => void;
  /** Pages have moved to other files: another pass is due. */
  readonly onMoved: () => void;
  readonly signal: AbortSignal;
}

interface Wanted {
  readonly pgno: number;
  readonly location: PageLocation;
}

export class HydrationPass {
  readonly #options: HydrationPassOptions;
  readonly #slots = new Slots(HYDRATE_WINDOW_BYTES / HYDRATE_RANGE_BYTES);
  /** Each with a page of it. */
  readonly #large = new Map<LtxFile, Wanted>();
  readonly #running = new Set<Promise<void>>();
  #waitingCount = 0;
  #damage: unknown;
  #failure: unknown;

  constructor(options: HydrationPassOptions) {
    this.#options = options;
  }

  /** How many pages have to wait for readers, and why others cannot be had at all. */
  async run(): Promise<{ readonly waitingCount: number; readonly damage: unknown }> {
    try {
      await this.#bringAtHand();
      this.#forgetBegun();
      const newestFirst = [...this.#large].sort(([a], [b]) => (a.maxTxid > b.maxTxid ? -1 : 1));
      for (const [file, one] of newestFirst) {
        if (this.#mustStop) break;
        await this.#start(() => this.#readWhole(file, one), HYDRATE_FILES_PARALLEL);
      }
    } finally {
      await Promise.all(this.#running);
    }
    if (this.#failure !== undefined) throw this.#failure;
    return { waitingCount: this.#waitingCount, damage: this.#damage };
  }

  /** Nobody goes on with a file of which nothing is wanted any more. */
  #forgetBegun(): void {
    if (this.#mustStop) return;
    const { begun } = this.#options.sources;
    for (const file of begun.keys()) if (!this.#large.has(file)) begun.delete(file);
  }

  get #mustStop(): boolean {
    return this.#options.signal.aborted || this.#failure !== undefined;
  }

  /** Runs in the background, so many at a time. */
  async #start(work: () => Promise<void>, countMax: number): Promise<void> {
    const running: Promise<void> = work()
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
    if (this.#running.size >= countMax) await Promise.race(this.#running);
  }

  /** Everything but what only whole large files can give; finds out which those are. */
  async #bringAtHand(): Promise<void> {
    const { state, pages, sources, replica, bandwidth } = this.#options;
    // What is asked for together is admitted together: within a bandwidth no more than a range.
    const windowBytes = bandwidth.isLimited ? HYDRATE_RANGE_BYTES : HYDRATE_WINDOW_BYTES;
    const windowPages = Math.max(1, Math.floor(windowBytes / state.pageSize));
    const batchPages = Math.max(1, Math.floor(HYDRATE_BATCH_BYTES / state.pageSize));
    let window: Wanted[] = [];
    const hot: LandedPage[] = [];
    for (let pgno = 1; pgno <= state.versions.newest.map.pageCount; pgno += 1) {
      if (this.#mustStop) return;
      if (pgno % HYDRATE_LOOK_PAGES === 0) await replica.clock.yield();
      if (pages.isProven(pgno)) continue;
      const location = pages.settled(pgno);
      if (location === "later") this.#waitingCount += 1;
      if (typeof location === "string") continue;
      const { file } = location;
      const damage = sources.damaged.get(file);
      if (damage !== undefined) {
        this.#damage = damage;
      } else if (this.#isOneBy(file)) {
        window.push({ pgno, location });
      } else {
        if (!this.#large.has(file)) this.#large.set(file, { pgno, location });
        const page = pages.isPresent(pgno) ? undefined : this.#peek(pgno, location);
        if (page !== undefined) hot.push({ pgno, location, page });
      }
      if (hot.length >= batchPages) await pages.writeGuests(hot.splice(0));
      if (window.length < windowPages) continue;
      const full = window;
      window = [];
      await this.#start(() => this.#bring(full), 2);
    }
    if (window.length > 0) await this.#start(() => this.#bring(window), 2);
    await Promise.all(this.#running);
    // Nothing waits for these: the store can be asked for the rest meanwhile.
    if (hot.length > 0) void this.#start(() => pages.writeGuests(hot), Number.POSITIVE_INFINITY);
  }

  /** Whether pages of the file may be fetched by themselves: the fetcher verifies small ones. */
  #isOneBy(file: LtxFile): boolean {
    return file.size <= WHOLE_FILE_BYTES || this.#options.sources.sound.has(file);
  }

  #peek(pgno: number, location: PageLocation): Uint8Array | undefined {
    const { state } = this.#options;
    const { fromSeq } = state.versions.newest;
    const cached = state.cache?.peek(pgno, fromSeq)?.slice();
    return isSamePlace(state.find(pgno, fromSeq).location, location) ? cached : undefined;
  }

  async #bring(wanted: readonly Wanted[]): Promise<void> {
    const { pages, fetcher, bandwidth, signal, onBrought } = this.#options;
    const landed: LandedPage[] = [];
    const absent: Wanted[] = [];
    for (const { pgno, location } of wanted) {
      const page = this.#peek(pgno, location);
      if (page === undefined) absent.push({ pgno, location });
      else landed.push({ pgno, location, page });
    }
    await bandwidth.admit(this.#bytesOf(absent), signal);
    const settled = await Promise.allSettled(
      absent.map(({ pgno, location }) => fetcher.fetch(pgno, location, "hydrate")),
    );
    let failure: unknown;
    for (const [index, result] of settled.entries()) {
      const { pgno, location } = absent[index]!;
      if (result.status === "fulfilled") landed.push({ pgno, location, page: result.value });
      else if (isGone(result.reason))
        failure ??= await this.#findAgain(absent[index]!, result.reason);
      else if (isDamage(result.reason)) this.#noteDamage(location.file, result.reason);
      else failure ??= result.reason;
    }
    landed.sort((a, b) => a.pgno - b.pgno);
    const batchPages = Math.max(1, Math.floor(HYDRATE_BATCH_BYTES / this.#options.state.pageSize));
    for (let start = 0; start < landed.length; start += batchPages) {
      await pages.write(landed.slice(start, start + batchPages));
    }
    for (const { pgno, location } of landed) pages.prove([pgno], location.file);
    onBrought();
    if (failure !== undefined) throw failure;
  }

  /** What the fetcher will ask for: of a small file all, the first time. */
  #bytesOf(wanted: readonly Wanted[]): number {
    const { asked, sound } = this.#options.sources;
    let bytes = 0;
    for (const { location } of wanted) {
      const { file, size } = location;
      if (file.size > WHOLE_FILE_BYTES || sound.has(file)) bytes += size;
      else if (!asked.has(file)) bytes += file.size;
      asked.add(file);
    }
    return bytes;
  }

  /** Its pages may be used as they come; they are proven when its last byte has come. */
  async #readWhole(file: LtxFile, one: Wanted): Promise<void> {
    const { replica, pages, sources, onBrought } = this.#options;
    try {
      const brought = await this.#readPages(file);
      pages.prove(brought, file);
      sources.sound.add(file);
      sources.begun.delete(file);
      onBrought();
    } catch (error) {
      const explained = explainDamage(replica, file, error);
      if (isDamage(explained)) {
        this.#noteDamage(file, explained);
      } else if (isGone(error)) {
        const failure = await this.#findAgain(one, error);
        if (failure !== undefined) throw failure;
      } else {
        throw error;
      }
    }
  }

  /** From its beginning, or from where an earlier try has ended. */
  async #readPages(file: LtxFile): Promise<PageSet> {
    const { replica, queue, state, pages, bandwidth, pause, signal, sources } = this.#options;
    const begun = sources.begun.get(file);
    const from = begun?.checkpoint;
    const brought = begun?.brought ?? new PageSet();
    const admit = (bytes: number) => bandwidth.admit(bytes, signal);
    const offset = from?.offset ?? 0;
    const reading = { replica, queue, slots: this.#slots, admit, pause, signal, offset };
    const decoding = { from, reusePage: true };
    await using stream = await decodeLtxStream(readPieces(file, reading), decoding);
    requireSameRange(file, stream.header);
    await using batches = new Batches(async (landed: readonly LandedPage[]) => {
      const checkpoint = stream.checkpoint();
      await pages.write(landed);
      if (checkpoint !== undefined) sources.begun.set(file, { checkpoint, brought });
      this.#options.onBrought();
    });
    const slab = new PageSlab(HYDRATE_BATCH_BYTES, state.pageSize);
    let bytes = 0;
    const write = async () => {
      // When a batch has begun, the one before is written.
      await batches.write();
      slab.turn();
      bytes = 0;
    };
    for (;;) {
      let next = stream.nextNow();
      if (next === undefined) {
        // The next bytes may take their time.
        await write();
        next = await stream.next();
      }
      if (next === undefined) break;
      const { pgno, offset, size, page } = next;
      const location = { file, offset, size };
      bytes += page.byteLength;
      if (!pages.isProven(pgno) && isPlace(pages.settled(pgno), location)) {
        batches.add({ pgno, location, page: slab.copy(page) });
        brought.add(pgno);
      }
      if (bytes < HYDRATE_BATCH_BYTES) continue;
      await write();
      await replica.clock.yield();
    }
    await batches.end();
    return brought;
  }

  #noteDamage(file: LtxFile, error: unknown): void {
    const { pages, sources } = this.#options;
    pages.distrust(file);
    sources.begun.delete(file);
    if (!sources.damaged.has(file)) sources.damaged.set(file, error);
    this.#damage ??= sources.damaged.get(file);
  }

  /** Plans again what the page's file is gone from; gives why that was in vain. */
  async #findAgain({ pgno, location }: Wanted, reason: unknown): Promise<unknown> {
    const { state, replanner, onMoved } = this.#options;
    const { fromSeq } = state.versions.newest;
    try {
      await replanner.replan(pgno, fromSeq, location);
    } catch (error) {
      return error;
    }
    if (isSamePlace(state.find(pgno, fromSeq).location, location)) return reason;
    onMoved();
    return undefined;
  }
}

function isPlace(settled: PageLocation | string, location: PageLocation): boolean {
  return typeof settled !== "string" && isSamePlace(settled, location);
}

function isDamage(error: unknown): boolean {
  return HeadwaterError.is(error, "REPLICA_DAMAGED");
}
