/**
 * Fills a local image in the background, page by page, and keeps it up with the mount.
 *
 * Always true:
 *   - The image counts as complete only when every page of it is proven: it came from an object of
 *     which every byte was read and verified. A large object is therefore read whole, from first
 *     to last, however many of its pages are wanted; a small one always is.
 *   - What came from an object that turns out to be damaged is used no more, and that object is not
 *     read again as long as the mount lasts. Hydration goes on with the others.
 *   - A disk that is full, or a store that is away, delays it, and nothing else.
 *   - Misses of readers always go first.
 *
 * What the image holds is raw: the pages as they are in the LTX files, zeros for the lock page.
 */

import { Alarm } from "../alarm.ts";
import { type Deferred, deferred } from "../deferred.ts";
import type { Disk } from "../disk/disk.ts";
import { ImageFile } from "../disk/image-file.ts";
import type { ImageFiles } from "../disk/image-files.ts";
import { HeadwaterError } from "../errors.ts";
import type { FileLocks } from "../file-locks.ts";
import { HYDRATE_RETRY_MS, HYDRATE_RETRY_MS_MAX, HYDRATE_ROOM_RETRY_MS } from "../limits.ts";
import type { Tell } from "../mount-event.ts";
import type { MountState } from "../mount-state.ts";
import type { PageFetcher } from "../read/page-fetcher.ts";
import type { Replanner } from "../read/replanner.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import type { Replica } from "../replica.ts";
import { type HydrationStatus, summarizeError } from "../status.ts";
import { Bandwidth } from "./bandwidth.ts";
import { HydrationPass, type Sources } from "./hydration-pass.ts";
import { ImageKeeper } from "./image-keeper.ts";
import { ImagePages } from "./image-pages.ts";
import { RequestedPages } from "./requested-pages.ts";

export interface HydrationParts {
  readonly replica: Replica;
  readonly queue: RequestQueue;
  readonly state: MountState;
  readonly fetcher: PageFetcher;
  readonly replanner: Replanner;
  readonly tell: Tell;
  /** Where the record of an image with a path is. */
  readonly disk: Disk;
}

export interface HydrateChoice {
  /** Undefined: an image that goes with the mount. */
  readonly path?: string | undefined;
  /** What hydration may ask of the store. Undefined: whatever readers leave. */
  readonly bytesPerSecondMax?: number | undefined;
  /** Where an image with a path is: on the disk of this machine, unless a test has another. */
  readonly files?: ImageFiles | undefined;
}

export async function startHydration(
  { path, files, bytesPerSecondMax }: HydrateChoice,
  locks: FileLocks,
  parts: HydrationParts,
): Promise<Hydration> {
  const image = await ImageFile.create(path, locks, files);
  try {
    parts.state.device.image.open(image.filePath, { stays: path !== undefined });
    await image.hide();
  } catch (error) {
    await image.close();
    const sentence = `cannot open the local image: ${(error as Error).message}`;
    throw new HeadwaterError("IMAGE_FAILED", sentence, { cause: error });
  }
  return new Hydration(image, parts, new Bandwidth(parts.replica.clock, bytesPerSecondMax));
}

export class Hydration {
  readonly #image: ImageFile;
  readonly #pages: ImagePages;
  readonly #parts: HydrationParts;
  readonly #bandwidth: Bandwidth;
  /** Undefined for an image that goes with the mount. */
  readonly #keeper: ImageKeeper | undefined;
  readonly #alarm: Alarm;
  readonly #sources: Sources = {
    sound: new WeakSet(),
    damaged: new WeakMap(),
    begun: new Map(),
    asked: new WeakSet(),
  };
  /** Settled when the image is complete or has failed; then a change makes a new one. */
  #done = quietly(deferred<void>());
  readonly #requested: RequestedPages;
  readonly #running: Promise<void>;
  readonly #end = new AbortController();
  /** What was here before is in its place; until then nothing else may come. */
  #hasResumed = false;
  #isDone = false;
  #hasBeenDone = false;
  #toldHundredths = 0;
  #isSettled = false;
  /** Of the writes that wait for room, the first one that goes well takes it back. */
  #isFull = false;
  /** Why hydration has ended, or cannot bring some pages as things are. */
  #failure: unknown;
  /** What it waits for until the next page comes. */
  #delay: unknown;
  /** Why the last record could not be written: that takes nothing from this mount. */
  #keepFailure: unknown;

  constructor(image: ImageFile, parts: HydrationParts, bandwidth: Bandwidth) {
    this.#image = image;
    this.#parts = parts;
    this.#bandwidth = bandwidth;
    this.#alarm = new Alarm(parts.replica.clock);
    this.#pages = new ImagePages(image, parts.state, {
      onPresent: () => {
        this.#delay = undefined;
        this.#tellProgress();
      },
      waitForRoom: (error) => this.#waitForRoom(error),
    });
    parts.state.useImage(parts.state.device.image, (pgno) => this.#pages.isPresent(pgno));
    const { path } = image;
    if (path !== undefined) {
      this.#keeper = new ImageKeeper(
        {
          ...parts,
          image,
          pages: this.#pages,
          sources: this.#sources,
          bandwidth,
          signal: this.#end.signal,
          pause: (error) => this.#waitForStore(error),
        },
        path,
      );
    }
    parts.state.onAdoption((stale) => {
      this.#pages.forget(stale);
      if (this.#end.signal.aborted) return;
      this.#renew();
      this.#tellDevice();
      this.#alarm.ring();
    });
    this.#requested = new RequestedPages(this.#pages, parts.state);
    parts.state.onKept((pgno, location, page) => {
      const isTaken = this.#hasResumed && !this.#end.signal.aborted;
      if (isTaken) this.#requested.add(pgno, location, page);
    });
    this.#running = this.#run();
  }

  status(): HydrationStatus {
    const { pageCount } = this.#parts.state.versions.newest.map;
    return {
      path: this.#image.path,
      pagesPresent: this.#pages.presentCount,
      pageCount,
      done: this.#isDone,
      error: summarizeError(this.#failure ?? this.#delay ?? this.#keepFailure),
    };
  }

  /** Resolves when the image holds the newest state of the bucket whole. */
  whenDone(): Promise<void> {
    return this.#done.promise;
  }

  async close(): Promise<void> {
    const closed = new HeadwaterError("CLOSED", "the mount was closed before it was hydrated");
    this.#end.abort(closed);
    this.#alarm.ring();
    await this.#running;
    await this.#requested.end();
    this.#done.reject(closed);
    await this.#keep(this.#keeper?.keep());
    this.#parts.state.device.image.close();
    await this.#image.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    await this.#resume();
    let retryMs = HYDRATE_RETRY_MS;
    while (!signal.aborted) {
      try {
        const { waitingCount, damage } = await this.#pass();
        retryMs = HYDRATE_RETRY_MS;
        this.#delay = undefined;
        if (damage !== undefined) this.#fail(damage);
        else if (!this.#isDone && waitingCount === 0 && this.#pages.hasAll()) await this.#finish();
        // A page that a reader has asked for just then may be here and not be proven yet.
        const isLeft = damage === undefined && !this.#isDone && this.#hasDatabase;
        await this.#alarm.wait(waitingCount > 0 || isLeft ? HYDRATE_RETRY_MS : undefined);
      } catch (error) {
        if (signal.aborted) return;
        if (HeadwaterError.is(error, "IMAGE_FAILED")) {
          this.#end.abort(error);
          this.#fail(error);
          return;
        }
        this.#delay = error;
        await this.#alarm.wait(retryMs);
        retryMs = Math.min(2 * retryMs, HYDRATE_RETRY_MS_MAX);
      }
    }
  }

  get #hasDatabase(): boolean {
    return this.#parts.state.versions.newest.map.txid > 0n;
  }

  /** An image that cannot be read is begun anew, as one that is not there. */
  async #resume(): Promise<void> {
    try {
      await this.#keeper?.resume();
    } catch (error) {
      this.#keepFailure = error;
    }
    this.#hasResumed = true;
  }

  /** What cannot be kept is fetched again at the next start, and that is all. */
  async #keep(keeping: Promise<boolean> | undefined): Promise<void> {
    try {
      if ((await keeping) === true) this.#keepFailure = undefined;
    } catch (error) {
      if (!HeadwaterError.is(error, "IMAGE_FAILED")) {
        this.#keepFailure = error;
        return;
      }
      // The system may forget any of what it has not brought to the disk.
      this.#pages.giveUp();
      this.#end.abort(error);
      this.#renew();
      this.#fail(error);
      this.#tellDevice();
    }
  }

  async #pass(): Promise<{ readonly waitingCount: number; readonly damage: unknown }> {
    const { pageSize } = this.#parts.state;
    if (pageSize === 0) return { waitingCount: 0, damage: undefined };
    const pass = new HydrationPass({
      ...this.#parts,
      pages: this.#pages,
      sources: this.#sources,
      bandwidth: this.#bandwidth,
      pause: (error) => this.#waitForStore(error),
      onBrought: () => void this.#keep(this.#keeper?.keepNowAndThen()),
      onMoved: () => this.#alarm.ring(),
      signal: this.#end.signal,
    });
    return await pass.run();
  }

  async #finish(): Promise<void> {
    const { state } = this.#parts;
    const { map } = state.versions.newest;
    // First, and in this turn: later it could cut off what has come since.
    await this.#image.setSize(map.pageCount * state.pageSize);
    await this.#pages.writeBlanks();
    // It may have been given up meanwhile.
    if (this.#end.signal.aborted) return;
    if (state.versions.newest.map !== map) {
      this.#alarm.ring();
      return;
    }
    this.#renew();
    this.#isDone = true;
    this.#isSettled = true;
    // What had to wait for room may be wanted no more.
    this.#isFull = false;
    this.#failure = undefined;
    this.#delay = undefined;
    this.#tellDevice();
    this.#done.resolve();
    this.#parts.tell({ type: "hydrated" });
    const isFirst = !this.#hasBeenDone;
    this.#hasBeenDone = true;
    // What was left was of no use, and no matter any more; the record is written now.
    if (isFirst) this.#keepFailure = undefined;
    void this.#keep(isFirst ? this.#keeper?.keep() : this.#keeper?.keepNowAndThen());
  }

  /** Whoever asks the device hears of a whole image only when all of it is proven. */
  #tellDevice(): void {
    const { device, versions } = this.#parts.state;
    const permille = (1000 * this.#pages.presentCount) / versions.newest.map.pageCount;
    device.image.tell(this.#isDone ? 1000 : Math.min(Math.floor(permille || 0), 999));
  }

  #tellProgress(): void {
    this.#tellDevice();
    const pagesPresent = this.#pages.presentCount;
    const { pageCount } = this.#parts.state.versions.newest.map;
    const hundredths = Math.floor((100 * pagesPresent) / pageCount);
    if (hundredths === this.#toldHundredths) return;
    this.#toldHundredths = hundredths;
    this.#parts.tell({ type: "hydrating", pagesPresent, pageCount });
  }

  /** Tells once of each reason. */
  #fail(error: unknown): void {
    if (this.#failure !== error) {
      this.#parts.tell({ type: "hydrationFailed", error: summarizeError(error)! });
    }
    this.#failure = error;
    this.#isSettled = true;
    this.#done.reject(error);
  }

  /** Whoever waits from now on waits for what is going to be. */
  #renew(): void {
    if (this.#isSettled) this.#done = quietly(deferred());
    this.#isSettled = false;
    this.#isDone = false;
  }

  async #waitForStore(error: unknown): Promise<void> {
    this.#delay = error;
    await this.#parts.replica.clock.sleep(HYDRATE_RETRY_MS, { signal: this.#end.signal });
  }

  /** Gives the way on once there may be room again. */
  async #waitForRoom(error: unknown): Promise<() => void> {
    if (!this.#isFull) this.#fail(error);
    this.#isFull = true;
    await this.#parts.replica.clock.sleep(HYDRATE_ROOM_RETRY_MS, { signal: this.#end.signal });
    return () => {
      if (!this.#isFull) return;
      this.#isFull = false;
      this.#failure = undefined;
      this.#renew();
    };
  }
}

/** Nobody has to wait for it. */
function quietly(done: Deferred<void>): Deferred<void> {
  done.promise.catch(() => {});
  return done;
}
