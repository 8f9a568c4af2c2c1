/**
 * Which pages of the local image may be used, and which of them are proven.
 *
 * Always true:
 *   - A page is present only when what the image holds is right for every pin that any reader has
 *     or will take: it is the newest version in the bucket, and no pin is older than it.
 *   - A page is proven only when it is present and came from a file of which every byte was read
 *     and verified. Until then it is as good as one that a reader gets by a range, and no better.
 *   - A page that changes is forgotten before the change is visible, by whoever makes it visible
 *     (`MountState.adopt`), and written again later.
 *   - Of one page, one version is written at a time, and none that is not the newest: what is
 *     present is never written over.
 *   - A page that no file has is never present. In a complete image it is zeros, as in a restore.
 */

import { deferred } from "../deferred.ts";
import type { ImageFile, ImagePage } from "../disk/image-file.ts";
import { HeadwaterError } from "../errors.ts";
import { isSameFile, type LtxFile } from "../ltx-file.ts";
import { isSamePlace, type MountState } from "../mount-state.ts";
import type { PageLocation } from "../page-map.ts";
import { GROUP_PAGES } from "./image-record.ts";
import { PageSet } from "./page-set.ts";

export interface ImagePagesEvents {
  /** More pages are present. */
  readonly onPresent: () => void;
  /** Resolves when a full disk may be tried again; what it gives is called when there was room. */
  readonly waitForRoom: (error: HeadwaterError) => Promise<() => void>;
}

/** A page, and where it came from. */
export interface LandedPage extends ImagePage {
  readonly location: PageLocation;
}

export class ImagePages {
  readonly #image: ImageFile;
  readonly #state: MountState;
  readonly #present = new PageSet();
  readonly #proven = new PageSet();
  /** Not read from a file as a whole. */
  readonly #guests = new PageSet();
  /** On their way to the disk as parts of a whole file: a guest would only be in their way. */
  readonly #coming = new PageSet();
  /** Of those that no file has, the ones that are zeros for certain. */
  readonly #blank = new PageSet();
  readonly #distrusted = new WeakSet<LtxFile>();
  /** Of pages that are being written, or wait for it: the end of what was begun last. */
  readonly #writing = new Map<number, Promise<void>>();
  /** Called with the first write that goes well after a full disk. */
  #tellRoom: (() => void) | undefined;
  /** Pages that are absent only while they are written again. */
  #againCount = 0;
  /** Groups, by their number. */
  #touched = new PageSet();
  #isGivenUp = false;

  readonly #events: ImagePagesEvents;

  constructor(image: ImageFile, state: MountState, events: ImagePagesEvents) {
    this.#image = image;
    this.#state = state;
    this.#events = events;
  }

  /** Those that are being written again count as present, and zeros that belong there. */
  get presentCount(): number {
    return this.#present.count + this.#againCount + this.#blank.count;
  }

  isPresent(pgno: number): boolean {
    return this.#present.has(pgno);
  }

  isProven(pgno: number): boolean {
    return this.#proven.has(pgno);
  }

  /** Of pages that have changed; the device has been told. */
  forget(stale: Uint32Array): void {
    for (const pgno of stale) {
      this.#present.delete(pgno);
      this.#proven.delete(pgno);
      this.#blank.delete(pgno);
      this.#touched.add(Math.floor(pgno / GROUP_PAGES));
    }
  }

  /** Where the newest version of a page is, if no reader still needs an older one. */
  settled(pgno: number): PageLocation | "later" | "nowhere" {
    const { fromSeq } = this.#state.versions.newest;
    const found = this.#state.find(pgno, fromSeq);
    if (found.location === undefined) return "nowhere";
    return found.fromSeq <= this.#state.device.oldestPin() ? found.location : "later";
  }

  /** Of what an earlier mount has left, pages that are right; not all of them may be proven. */
  useKept(pgnos: readonly number[], { areProven }: { readonly areProven: boolean }): void {
    for (const pgno of pgnos) {
      this.#present.add(pgno);
      if (areProven) this.#proven.add(pgno);
    }
    this.#publish(pgnos);
  }

  /** Whether the page is here, and came with others of its file from its first byte on. */
  isPart(pgno: number): boolean {
    return this.#present.has(pgno) && !this.#guests.has(pgno);
  }

  /** Groups of which pages were written or have changed since the last call. */
  takeTouched(): PageSet {
    const touched = this.#touched;
    this.#touched = new PageSet();
    return touched;
  }

  /** Since `takeTouched`. */
  isTouched(group: number): boolean {
    return this.#touched.has(group);
  }

  /** Gives back what was taken, when nothing came of it. */
  touch(groups: Iterable<number>): void {
    for (const group of groups) this.#touched.add(group);
  }

  /**
   * Each page is present afterwards, unless it has changed or has to wait. Ascending ones take the
   * fewest calls of the system.
   */
  async write(pages: readonly LandedPage[]): Promise<void> {
    for (const { pgno } of pages) this.#coming.add(pgno);
    try {
      await this.#inTurn(pages, () => {
        for (const { pgno } of pages) this.#guests.delete(pgno);
        return this.#write(pages);
      });
    } finally {
      for (const { pgno } of pages) this.#coming.delete(pgno);
    }
  }

  /**
   * The same for pages that were not read from a file as a whole: they are not proven with it. What
   * is here already stays.
   */
  async writeGuests(pages: readonly LandedPage[]): Promise<void> {
    const awaited = pages.filter(({ pgno }) => !this.#present.has(pgno) && !this.#coming.has(pgno));
    await this.#inTurn(awaited, () => {
      const absent = awaited.filter(({ pgno }) => !this.#present.has(pgno));
      for (const { pgno } of absent) this.#guests.add(pgno);
      return this.#write(absent);
    });
  }

  /**
   * Makes zeros of the pages that no file has, when all others are proven: there may be something
   * from when the database had them. Ends early when the database changes.
   */
  async writeBlanks(): Promise<void> {
    const { versions, pageSize } = this.#state;
    const { map } = versions.newest;
    if (this.#proven.count + this.#blank.count === map.pageCount) return;
    const zeros = new Uint8Array(pageSize);
    const bytes = new Uint8Array(pageSize);
    const isSame = () => versions.newest.map === map;
    for (let pgno = 1; pgno <= map.pageCount; pgno += 1) {
      if (map.has(pgno) || this.#blank.has(pgno)) continue;
      await this.#image.read(bytes, (pgno - 1) * pageSize);
      const blanks = isSame() && Buffer.compare(bytes, zeros) !== 0 ? [{ pgno, page: zeros }] : [];
      await this.#writeWithRoom(blanks, (left) => (isSame() ? left : []));
      if (!isSame()) return;
      this.#blank.add(pgno);
    }
  }

  /** Nobody uses anything of the image any more, nor what is on its way there. */
  giveUp(): void {
    this.#isGivenUp = true;
    this.#takeBack(Uint32Array.from([...this.#present, ...this.#blank]));
  }

  /**
   * After what was begun before and has one of these pages. Else bytes of an older version, held
   * back by a full disk or overtaken, could come to lie on those of a newer one that is present.
   */
  async #inTurn(pages: readonly LandedPage[], work: () => Promise<void>): Promise<void> {
    const before = new Set<Promise<void>>();
    const { promise: end, resolve } = deferred<void>();
    for (const { pgno } of pages) {
      const other = this.#writing.get(pgno);
      if (other !== undefined) before.add(other);
      this.#writing.set(pgno, end);
    }
    if (before.size > 0) await Promise.all(before);
    try {
      await work();
    } finally {
      for (const { pgno } of pages) {
        if (this.#writing.get(pgno) === end) this.#writing.delete(pgno);
      }
      resolve();
    }
  }

  async #write(landed: readonly LandedPage[]): Promise<void> {
    const pages = this.#newestOf(landed);
    if (pages.length === 0) return;
    const again = pages.map(({ pgno }) => pgno).filter((pgno) => this.#present.has(pgno));
    this.#takeBack(Uint32Array.from(again));
    for (const { pgno } of pages) this.#touched.add(Math.floor(pgno / GROUP_PAGES));
    this.#againCount += again.length;
    let written: readonly LandedPage[];
    try {
      written = await this.#writeWithRoom(pages, (left) => this.#newestOf(left));
    } finally {
      this.#againCount -= again.length;
    }
    // While it was written, any of these pages may have changed or a reader may have come.
    const right = this.#newestOf(written)
      .map(({ pgno }) => pgno)
      .filter((pgno) => this.settled(pgno) !== "later");
    for (const pgno of right) this.#present.add(pgno);
    this.#publish(right);
  }

  /** These pages, as far as they are here, come from that file, which is sound. */
  prove(pgnos: Iterable<number>, file: LtxFile): void {
    for (const pgno of pgnos) {
      if (this.isPart(pgno) && this.#isFrom(pgno, file)) this.#proven.add(pgno);
    }
  }

  /** Nobody uses any more what came from that file, which is not sound. */
  distrust(file: LtxFile): void {
    this.#distrusted.add(file);
    const doubtful: number[] = [];
    for (const pgno of this.#present) if (this.#isFrom(pgno, file)) doubtful.push(pgno);
    this.#takeBack(Uint32Array.from(doubtful));
  }

  /** Whether every page of the newest state is proven. */
  hasAll(): boolean {
    const { map } = this.#state.versions.newest;
    for (let pgno = 1; pgno <= map.pageCount; pgno += 1) {
      if (!this.#proven.has(pgno) && map.has(pgno)) return false;
    }
    return map.txid > 0n;
  }

  /**
   * What was fetched is held until there is room for it, so that it is fetched once, and gives what
   * was written: what has changed meanwhile is left out, since newer bytes may be in its place.
   */
  async #writeWithRoom<Page extends ImagePage>(
    pages: readonly Page[],
    stillRight: (pages: readonly Page[]) => readonly Page[],
  ): Promise<readonly Page[]> {
    for (let left = pages; left.length > 0; left = stillRight(left)) {
      try {
        await this.#image.write(left, this.#state.pageSize);
        this.#tellRoom?.();
        this.#tellRoom = undefined;
        return left;
      } catch (cause) {
        const sentence = `cannot write the local image: ${(cause as Error).message}`;
        const error = new HeadwaterError("IMAGE_FAILED", sentence, { cause });
        if (!isFull(cause)) throw error;
        this.#tellRoom = await this.#events.waitForRoom(error);
      }
    }
    return [];
  }

  /** Those that are the newest versions of theirs, and come from nothing that is not sound. */
  #newestOf(pages: readonly LandedPage[]): readonly LandedPage[] {
    if (this.#isGivenUp) return [];
    const { fromSeq } = this.#state.versions.newest;
    return pages.filter(({ pgno, location }) => {
      if (this.#distrusted.has(location.file)) return false;
      return isSamePlace(this.#state.find(pgno, fromSeq).location, location);
    });
  }

  #publish(pgnos: readonly number[]): void {
    if (pgnos.length === 0) return;
    this.#state.device.image.markPresent(Uint32Array.from(pgnos));
    this.#events.onPresent();
  }

  #takeBack(pgnos: Uint32Array): void {
    if (pgnos.length === 0) return;
    this.#state.device.image.markAbsent(pgnos);
    this.forget(pgnos);
  }

  #isFrom(pgno: number, file: LtxFile): boolean {
    const { fromSeq } = this.#state.versions.newest;
    const { location } = this.#state.find(pgno, fromSeq);
    return location !== undefined && isSameFile(location.file, file);
  }
}

/** Of the disk or of the user: either may be given more. */
function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT";
}
