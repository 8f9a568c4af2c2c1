/**
 * Fills a local image in the background, page by page, and keeps it up with the mount.
 *
 * Always true:
 *   - A page is marked present only when what the image holds is right for every pin that any
 *     reader has or will take: it is the newest version in the bucket, and no pin is older than it.
 *   - A page that changes is marked absent before the change is visible, by whoever makes it
 *     visible (`MountState.adopt`), and written again later.
 *   - Misses of readers always go first.
 *
 * What the image holds is raw: the pages as they are in the LTX files, zeros for the lock page.
 */

import { Alarm } from "../alarm.ts";
import { type Deferred, deferred } from "../deferred.ts";
import { ImageFile, type ImagePage } from "../disk/image-file.ts";
import type { ImageFiles } from "../disk/image-files.ts";
import { HeadwaterError } from "../errors.ts";
import type { FileLocks } from "../file-locks.ts";
import { HYDRATE_BATCH_BYTES, HYDRATE_RETRY_MS, HYDRATE_WINDOW_BYTES } from "../limits.ts";
import type { Tell } from "../mount-event.ts";
import { isSamePlace, type MountState } from "../mount-state.ts";
import type { PageLocation } from "../page-map.ts";
import type { PageFetcher } from "../read/page-fetcher.ts";
import type { PageReader } from "../read/page-reader.ts";
import { isGone, type Replica } from "../replica.ts";
import { type HydrationStatus, summarizeError } from "../status.ts";
import { PageSet } from "./page-set.ts";

export interface HydrationParts {
  readonly replica: Replica;
  readonly state: MountState;
  readonly fetcher: PageFetcher;
  readonly reader: PageReader;
  readonly tell: Tell;
}

export interface HydrateChoice {
  /** Undefined: an image that goes with the mount. */
  readonly path?: string | undefined;
  /** Where an image with a path is: on the disk of this machine, unless a test has another. */
  readonly files?: ImageFiles | undefined;
}

interface Wanted {
  readonly pgno: number;
  readonly location: PageLocation;
}

interface Landed extends Wanted, ImagePage {}

export async function startHydration(
  { path, files }: HydrateChoice,
  locks: FileLocks,
  parts: HydrationParts,
): Promise<Hydration> {
  const image = await ImageFile.create(path, locks, files);
  try {
    parts.state.device.image.open(image.filePath);
    parts.state.useImage(parts.state.device.image);
    await image.hide();
  } catch (error) {
    await image.close();
    const sentence = `cannot open the local image: ${(error as Error).message}`;
    throw new HeadwaterError("IMAGE_FAILED", sentence, { cause: error });
  }
  return new Hydration(image, parts);
}

export class Hydration {
  readonly #image: ImageFile;
  readonly #parts: HydrationParts;
  readonly #alarm: Alarm;
  readonly #present = new PageSet();
  /** Settled when the image is complete; a change of the database makes a new one. */
  #done = quietly(deferred<void>());
  readonly #running: Promise<void>;
  #isEnded = false;
  #isDone = false;
  #failure: unknown;

  constructor(image: ImageFile, parts: HydrationParts) {
    this.#image = image;
    this.#parts = parts;
    this.#alarm = new Alarm(parts.replica.clock);
    parts.state.onAdoption((stale) => {
      for (const pgno of stale) this.#present.delete(pgno);
      if (this.#isDone) this.#done = quietly(deferred());
      this.#isDone = false;
      this.#alarm.ring();
    });
    this.#running = this.#run();
  }

  status(): HydrationStatus {
    const { pageCount } = this.#parts.state.versions.newest.map;
    return {
      path: this.#image.path,
      pagesPresent: this.#present.count,
      pageCount,
      done: this.#isDone,
      error: summarizeError(this.#failure),
    };
  }

  /** Resolves when the image holds the newest state of the bucket whole. */
  whenDone(): Promise<void> {
    return this.#done.promise;
  }

  async close(): Promise<void> {
    this.#isEnded = true;
    this.#alarm.ring();
    await this.#running;
    this.#done.reject(new HeadwaterError("CLOSED", "the mount was closed before it was hydrated"));
    this.#parts.state.device.image.close();
    await this.#image.close();
  }

  async #run(): Promise<void> {
    while (!this.#isEnded) {
      try {
        const left = this.#parts.state.pageSize === 0 ? 0 : await this.#pass();
        if (left === 0 && this.#hasAll()) await this.#finish();
        await this.#alarm.wait(left === 0 ? undefined : HYDRATE_RETRY_MS);
      } catch (error) {
        if (this.#isEnded) return;
        if (HeadwaterError.is(error, "IMAGE_FAILED")) {
          this.#failure = error;
          this.#done.reject(error);
          return;
        }
        this.#failure = error;
        await this.#alarm.wait(HYDRATE_RETRY_MS);
      }
    }
  }

  /** Brings every page that can be brought now; returns how many have to wait for readers. */
  async #pass(): Promise<number> {
    let waiting = 0;
    let window: Wanted[] = [];
    const { state } = this.#parts;
    const windowPages = Math.max(1, Math.floor(HYDRATE_WINDOW_BYTES / state.pageSize));
    const running = new Set<Promise<void>>();
    let failure: unknown;
    const send = async () => {
      const landing: Promise<void> = this.#bring(window)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => running.delete(landing));
      window = [];
      running.add(landing);
      if (running.size > 1) await Promise.race(running);
    };
    for (let pgno = 1; pgno <= state.versions.newest.map.pageCount; pgno += 1) {
      if (this.#isEnded || failure !== undefined) break;
      if (this.#present.has(pgno)) continue;
      const location = this.#settled(pgno);
      if (location === "later") waiting += 1;
      if (typeof location === "string") continue;
      window.push({ pgno, location });
      if (window.length >= windowPages) await send();
    }
    if (window.length > 0) await send();
    await Promise.all(running);
    if (failure !== undefined) throw failure;
    return waiting;
  }

  /** Where the newest version of a page is, if no reader still needs an older one. */
  #settled(pgno: number): PageLocation | "later" | "nowhere" {
    const { state } = this.#parts;
    const { fromSeq } = state.versions.newest;
    const found = state.find(pgno, fromSeq);
    if (found.location === undefined) return "nowhere";
    return found.fromSeq <= state.device.oldestPin() ? found.location : "later";
  }

  async #bring(wanted: readonly Wanted[]): Promise<void> {
    const { state, fetcher } = this.#parts;
    const { fromSeq } = state.versions.newest;
    const settled = await Promise.allSettled(
      wanted.map(async ({ pgno, location }): Promise<Landed> => {
        const cached = state.cache?.peek(pgno, fromSeq)?.slice();
        const isSame = isSamePlace(state.find(pgno, fromSeq).location, location);
        if (cached !== undefined && isSame) return { pgno, location, page: cached };
        return { pgno, location, page: await fetcher.fetch(pgno, location, "hydrate") };
      }),
    );
    const landed: Landed[] = [];
    let failure: unknown;
    for (const [index, result] of settled.entries()) {
      if (result.status === "fulfilled") landed.push(result.value);
      else if (isGone(result.reason)) failure ??= await this.#findAgain(wanted[index]!);
      else failure ??= result.reason;
    }
    const { pageSize } = state;
    const batchPages = Math.max(1, Math.floor(HYDRATE_BATCH_BYTES / pageSize));
    for (let start = 0; start < landed.length; start += batchPages) {
      await this.#write(landed.slice(start, start + batchPages));
    }
    if (failure !== undefined) throw failure;
  }

  /** Reading the page plans its version again, so the next pass knows where it is. */
  async #findAgain({ pgno }: Wanted): Promise<unknown> {
    const { state, reader } = this.#parts;
    try {
      await reader.read(pgno, state.versions.newest.fromSeq);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      this.#alarm.ring();
    }
  }

  async #write(pages: readonly Landed[]): Promise<void> {
    const { state } = this.#parts;
    try {
      await this.#image.write(pages, state.pageSize);
    } catch (error) {
      const sentence = `cannot write the local image: ${(error as Error).message}`;
      throw new HeadwaterError("IMAGE_FAILED", sentence, { cause: error });
    }
    // While it was written, any of these pages may have changed or a reader may have come.
    const right: number[] = [];
    for (const { pgno, location } of pages) {
      const settled = this.#settled(pgno);
      if (typeof settled === "string" || !isSamePlace(settled, location)) continue;
      this.#present.add(pgno);
      right.push(pgno);
    }
    if (right.length > 0) state.device.image.markPresent(Uint32Array.from(right));
  }

  #hasAll(): boolean {
    const { map } = this.#parts.state.versions.newest;
    for (let pgno = 1; pgno <= map.pageCount; pgno += 1) {
      if (!this.#present.has(pgno) && map.has(pgno)) return false;
    }
    return map.txid > 0n;
  }

  async #finish(): Promise<void> {
    const { state } = this.#parts;
    const { map } = state.versions.newest;
    await this.#image.setSize(map.pageCount * state.pageSize);
    await this.#image.sync();
    if (state.versions.newest.map !== map) {
      this.#alarm.ring();
      return;
    }
    this.#isDone = true;
    this.#failure = undefined;
    this.#done.resolve();
    this.#parts.tell({ type: "hydrated" });
  }
}

/** Nobody has to wait for it. */
function quietly(done: Deferred<void>): Deferred<void> {
  done.promise.catch(() => {});
  return done;
}
