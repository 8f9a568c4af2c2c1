/**
 * Makes a local image survive the end of the process, and finds out what of it may be used again.
 *
 * Always true:
 *   - Bytes reach the disk before the record that vouches for them. So what is found at the next
 *     start is believed page by page: where the checksum is right, and the page is still in the
 *     very object that it came from, or is known not to have changed since (find-since.ts).
 *   - An image of another replica or of another page size, or one without a sound record, is begun
 *     anew. So are pages of objects that were replaced, whatever their names.
 *   - Pages of a file that was not read to its end are used, but not proven; reading it goes on
 *     where it was, with the checksum of what came before.
 *   - That nothing can be kept is no failure of hydration. That the disk has lost what it had taken
 *     is one: IMAGE_FAILED.
 */

import type { DecoderCheckpoint } from "@headwater/ltx";
import type { Disk } from "../disk/disk.ts";
import { writeDurably } from "../disk/durable-file.ts";
import type { ImageFile } from "../disk/image-file.ts";
import { HeadwaterError } from "../errors.ts";
import { HYDRATE_KEEP_MS, HYDRATE_LOOK_GROUPS } from "../limits.ts";
import { isSameFile, type LtxFile } from "../ltx-file.ts";
import type { MountState } from "../mount-state.ts";
import type { RequestQueue } from "../read/request-queue.ts";
import { type Replica, replicaPlace } from "../replica.ts";
import type { Bandwidth } from "./bandwidth.ts";
import { findSince, isUnchanged, isUpTo, pointAtChain } from "./find-since.ts";
import { entryOf, GroupSums, groupOf, isEntryFor, pagesOfEntry } from "./group-sums.ts";
import type { Sources } from "./hydration-pass.ts";
import type { ImagePages } from "./image-pages.ts";
import {
  decodeImageRecord,
  encodeImageRecord,
  GROUP_PAGES,
  GROUP_RECORD_BYTES,
  type ImageRecord,
  nameObject,
  type RecordedFile,
  recordPathOf,
} from "./image-record.ts";
import { PageSet } from "./page-set.ts";

export interface ImageKeeperOptions {
  readonly replica: Replica;
  readonly queue: RequestQueue;
  readonly state: MountState;
  readonly image: ImageFile;
  readonly pages: ImagePages;
  readonly sources: Sources;
  readonly bandwidth: Bandwidth;
  readonly disk: Disk;
  /** Ends when the mount does. */
  readonly signal: AbortSignal;
  /** Called when the store does not answer; resolves when it may be asked again. */
  readonly pause: (error: unknown) => Promise<void>;
}

/** A page that came from a file which does not have its newest version now. */
interface MovedPage {
  readonly pgno: number;
  readonly recorded: RecordedFile;
}

/** Files of a record in the making, each under its index. */
class FileList {
  readonly #files: { file: LtxFile; name: string; begun: DecoderCheckpoint | undefined }[] = [];
  readonly #indexes = { whole: new Map<LtxFile, number>(), begun: new Map<LtxFile, number>() };

  /** Undefined for a file that cannot be told from others of its name. */
  add(file: LtxFile, begun?: DecoderCheckpoint): number | undefined {
    const indexes = this.#indexes[begun === undefined ? "whole" : "begun"];
    const known = indexes.get(file);
    if (known !== undefined) return known;
    const name = nameObject(file);
    if (name === undefined) return undefined;
    indexes.set(file, this.#files.length);
    this.#files.push({ file, name, begun });
    return this.#files.length - 1;
  }

  /** Of a file that has come to its end meanwhile, what came before is proven, too. */
  toRecorded(sound: WeakSet<LtxFile>): RecordedFile[] {
    return this.#files.map(({ file, name, begun }) => {
      const isSound = sound.has(file);
      return { name, maxTxid: file.maxTxid, isSound, begun: isSound ? undefined : begun };
    });
  }
}

export class ImageKeeper {
  readonly #options: ImageKeeperOptions;
  readonly #path: string;
  readonly #sums: GroupSums;
  /** As they are in the record, or will be in the next one. */
  #groups = new Uint8Array(0);
  #keptAtMs: number;
  /** Before, a record would say less than the one that is there. */
  #isOpen = false;
  #running: Promise<void> | undefined;

  /** Of an image that has a path. */
  constructor(options: ImageKeeperOptions, path: string) {
    this.#options = options;
    this.#path = recordPathOf(path);
    this.#sums = new GroupSums(options.image);
    this.#keptAtMs = options.replica.clock.monotonicMs();
  }

  /** Makes present and proven what an earlier mount has left, if it is sound and still right. */
  async resume(): Promise<void> {
    const { image, signal } = this.#options;
    try {
      const record = await this.#read();
      if (record === undefined) await image.setSize(0);
      else await this.#useKept(record);
      this.#isOpen = true;
    } catch (error) {
      // What was not looked at counts as not there, unless that was for lack of time.
      this.#isOpen = !signal.aborted;
      throw error;
    }
  }

  /** Writes the record if the last one is old and none is being written. Otherwise as `keep`. */
  async keepNowAndThen(): Promise<boolean> {
    const nowMs = this.#options.replica.clock.monotonicMs();
    if (this.#running !== undefined || nowMs - this.#keptAtMs < HYDRATE_KEEP_MS) return false;
    return this.keep();
  }

  /** Writes the record, one at a time. False when there is to be none. Rejects as the disk does. */
  async keep(): Promise<boolean> {
    while (this.#running !== undefined) await this.#running.catch(() => {});
    if (!this.#isOpen) return false;
    this.#running = this.#keep().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
    return true;
  }

  async #keep(): Promise<void> {
    const { pages, state, disk, replica, sources } = this.#options;
    this.#keptAtMs = replica.clock.monotonicMs();
    const touched = pages.takeTouched();
    // As of now, so that all pages before them are here and will be looked at.
    const begun = new Map([...sources.begun].map(([file, { checkpoint }]) => [file, checkpoint]));
    const list = new FileList();
    let indexes: number[][];
    try {
      indexes = await this.#sumUp(touched, begun, list);
      await this.#sync();
    } catch (error) {
      pages.touch(touched);
      throw error;
    }
    for (const group of indexes.keys()) {
      // What has changed meanwhile is left to the next record.
      if (!pages.isTouched(group)) continue;
      entryOf(this.#groups, group).fill(0);
      indexes[group] = [];
    }
    const { map } = state.versions.newest;
    const ordinals = new Set<number>();
    map.collectOrdinals(ordinals);
    for (const ordinal of ordinals) list.add(map.files.get(ordinal));
    const record: ImageRecord = {
      replica: replicaPlace(replica),
      pageSize: state.pageSize,
      files: list.toRecorded(sources.sound),
      groups: this.#groups,
      sources: Uint32Array.from(indexes.flat()),
    };
    await writeDurably(disk, this.#path, encodeImageRecord(record));
  }

  /** Brings all groups up to date. Gives, of each one, the files of its pages. */
  async #sumUp(
    touched: PageSet,
    begun: ReadonlyMap<LtxFile, DecoderCheckpoint>,
    list: FileList,
  ): Promise<number[][]> {
    const { state, replica } = this.#options;
    const { pageSize } = state;
    const count = groupOf(state.versions.newest.map.pageCount) + 1;
    const groups = new Uint8Array(count * GROUP_RECORD_BYTES);
    groups.set(this.#groups.subarray(0, groups.byteLength));
    this.#groups = groups;
    const indexes: number[][] = [];
    for (let group = 0; group < count; group += 1) {
      if (group % HYDRATE_LOOK_GROUPS === 0) await replica.clock.yield();
      const found = this.#findPages(group, begun, list);
      const pgnos = [...found.keys()];
      indexes.push([...found.values()]);
      const entry = entryOf(groups, group);
      if (!touched.has(group) && isEntryFor(entry, pgnos)) continue;
      entry.fill(0);
      if (pgnos.length > 0) entry.set(await this.#sums.sum(pageSize, group, pgnos));
    }
    return indexes;
  }

  /** The pages of a group that are worth keeping, each with the index of its file. */
  #findPages(
    group: number,
    begun: ReadonlyMap<LtxFile, DecoderCheckpoint>,
    list: FileList,
  ): Map<number, number> {
    const { pages, state, sources } = this.#options;
    const { map } = state.versions.newest;
    const found = new Map<number, number>();
    for (let pgno = group * GROUP_PAGES; pgno < (group + 1) * GROUP_PAGES; pgno += 1) {
      if (!pages.isPresent(pgno)) continue;
      const file = map.find(pgno)?.file;
      if (file === undefined) continue;
      const isProven = pages.isProven(pgno);
      const checkpoint = isProven ? undefined : begun.get(file);
      const isPart = pages.isPart(pgno) && sources.begun.get(file)?.brought.has(pgno) === true;
      if (!isProven && !(isPart && checkpoint !== undefined)) continue;
      const index = list.add(file, checkpoint);
      if (index !== undefined) found.set(pgno, index);
    }
    return found;
  }

  async #sync(): Promise<void> {
    try {
      await this.#options.image.sync();
    } catch (cause) {
      this.#isOpen = false;
      const sentence = `cannot flush the local image: ${(cause as Error).message}`;
      throw new HeadwaterError("IMAGE_FAILED", sentence, { cause });
    }
  }

  async #useKept(record: ImageRecord): Promise<void> {
    const { state, pages, replica, sources, signal } = this.#options;
    const here = this.#filesByName();
    const kept = record.files.map((recorded) => ({
      recorded,
      file: here.get(recorded.name),
      brought: new PageSet(),
    }));
    const moved: MovedPage[] = [];
    const groups = Uint8Array.from(record.groups);
    this.#groups = groups;
    let next = 0;
    for (let group = 0; group * GROUP_RECORD_BYTES < groups.byteLength; group += 1) {
      if (group % HYDRATE_LOOK_GROUPS === 0) await replica.clock.yield();
      signal.throwIfAborted();
      const entry = entryOf(groups, group);
      const pgnos = pagesOfEntry(group, entry);
      const indexes = record.sources.subarray(next, next + pgnos.length);
      next += pgnos.length;
      if (pgnos.length === 0) continue;
      if (!isSame(entry, await this.#sums.sum(state.pageSize, group, pgnos))) {
        entry.fill(0);
        continue;
      }
      const proven: number[] = [];
      const brought: number[] = [];
      for (const [at, pgno] of pgnos.entries()) {
        const one = kept[indexes[at] ?? kept.length];
        const settled = pages.settled(pgno);
        if (one === undefined || typeof settled === "string") continue;
        const isThere = one.file !== undefined && isSameFile(one.file, settled.file);
        const isBegun = one.recorded.begun !== undefined;
        if (isThere && isBegun) one.brought.add(pgno);
        if (isThere) (isBegun ? brought : proven).push(pgno);
        else if (!isBegun) moved.push({ pgno, recorded: one.recorded });
      }
      pages.useKept(proven, { areProven: true });
      pages.useKept(brought, { areProven: false });
    }
    for (const { recorded, file, brought } of kept) {
      const { begun: checkpoint, isSound } = recorded;
      if (file === undefined) continue;
      if (isSound) sources.sound.add(file);
      else if (checkpoint !== undefined) sources.begun.set(file, { checkpoint, brought });
    }
    if (moved.length > 0) await this.#useMoved(moved, record);
  }

  async #useMoved(moved: readonly MovedPage[], { files }: ImageRecord): Promise<void> {
    const { pages, state } = this.#options;
    const since = await findSince(files, this.#options);
    const { fromSeq, map } = state.versions.newest;
    if (since === undefined || !isUpTo(since, map)) return;
    const right: number[] = [];
    const away = new Set<LtxFile>();
    for (const { pgno, recorded } of moved) {
      const settled = pages.settled(pgno);
      if (typeof settled === "string") continue;
      away.add(settled.file);
      if (isUnchanged(since, pgno, recorded)) right.push(pgno);
    }
    pages.useKept(right, { areProven: true });
    // Older versions would seem to have other pages.
    const other = state.versions.count === 1 ? pointAtChain(map, since, away) : undefined;
    if (other !== undefined) state.versions.replace(fromSeq, other);
  }

  /** The files of the newest state, by what the record calls them. */
  #filesByName(): Map<string, LtxFile> {
    const { map } = this.#options.state.versions.newest;
    const ordinals = new Set<number>();
    map.collectOrdinals(ordinals);
    const files = new Map<string, LtxFile>();
    for (const ordinal of ordinals) {
      const file = map.files.get(ordinal);
      const name = nameObject(file);
      if (name !== undefined) files.set(name, file);
    }
    return files;
  }

  async #read(): Promise<ImageRecord | undefined> {
    const { disk, replica, state } = this.#options;
    const text = await disk.read(this.#path);
    const record = text === undefined ? undefined : decodeImageRecord(text);
    if (record?.replica !== replicaPlace(replica)) return undefined;
    return record.pageSize === state.pageSize ? record : undefined;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, index) => byte === b[index]);
}
