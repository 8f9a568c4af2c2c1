/**
 * A disk in memory that knows what would survive a loss of power: contents that were flushed, and
 * names that were flushed with their folder.
 *
 * Of the rest anything may be there afterwards: an old name or the new one, and of bytes that were
 * appended some from the front, then perhaps zeros. Flushing a file also makes its own name last,
 * as the file systems of Linux do it.
 */

import { posix } from "node:path";
import type { Disk, FileLockAttempt, ImageFiles } from "@headwater/vfs-core";
import type { OpenImage, SegmentFiles } from "@headwater/vfs-core/testing";
import type { Dice } from "../dice.ts";
import { never, type SimProcess } from "./sim-process.ts";

interface Inode {
  text: string;
  syncedLength: number;
}

export interface DiskMutations {
  /** Flushing does nothing. */
  readonly ignoresSync?: boolean;
  /** Files of this name are never written, though the writer is told so. */
  readonly forgets?: string | undefined;
  /** What goes to an image is not written. */
  readonly forgetsImages?: boolean;
}

const OPERATION_MS_MAX = 4;

export class SimDisk {
  isFull = false;
  mutations: DiskMutations = {};
  readonly #dice: Dice;
  #names = new Map<string, Inode>();
  #lastingNames = new Map<string, Inode>();
  /** Nothing that was written to one is lost, whether it was synced or not. */
  readonly #images = new Map<string, Uint8Array>();
  readonly #locks = new Map<string, { readonly holder: SimProcess; readonly text: string }>();
  /** Each loss of power makes another start of the machine. */
  #startCount = 1;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** The disk as a process sees it. */
  for(process: SimProcess): Disk {
    const act = async <Result>(what: string, path: string, work: () => Result): Promise<Result> => {
      const kind = `${what} ${kindOf(path)}`;
      if (!process.reach(`before ${kind}`)) return never();
      await process.wait(this.#dice.between(0.1, OPERATION_MS_MAX));
      const result = work();
      return process.reach(`after ${kind}`) ? result : never();
    };
    return {
      makeFolder: async () => false,
      list: (folder) => act("list", folder, () => this.#list(folder)),
      read: (path) => act("read", path, () => this.#names.get(path)?.text),
      write: async (path, text) => {
        await act("open", path, () => this.#write(path, text, 0));
        await act("write", path, () => this.#write(path, text, text.length));
      },
      rename: (from, to) => act("rename", to, () => this.#rename(from, to)),
      remove: (path) => act("remove", path, () => void this.#names.delete(path)),
      removeFolder: async () => {},
      syncFolder: (folder) => act("sync", folder, () => this.#syncFolder(folder)),
    };
  }

  imagesFor(process: SimProcess): ImageFiles {
    const act = async <Result>(what: string, work: () => Result): Promise<Result> => {
      if (!process.reach(`before ${what} image`)) return never();
      await process.wait(this.#dice.between(0.1, OPERATION_MS_MAX));
      const result = work();
      return process.reach(`after ${what} image`) ? result : never();
    };
    const grow = (path: string, size: number) => {
      const grown = new Uint8Array(size);
      grown.set(this.#images.get(path)!.subarray(0, size));
      this.#images.set(path, grown);
    };
    return {
      open: (path) =>
        act("open", () => {
          this.#needSpace();
          if (!this.#images.has(path)) this.#images.set(path, new Uint8Array());
          return {
            read: (bytes, offset, length, position) =>
              act("read", () => {
                const found = this.#images.get(path)!.subarray(position, position + length);
                bytes.set(found, offset);
                return { bytesRead: found.byteLength };
              }),
            write: (bytes, offset, length, position) =>
              act("write", () => {
                this.#needSpace();
                const end = position + length;
                if (this.#images.get(path)!.byteLength < end) grow(path, end);
                const written = bytes.subarray(offset, offset + length);
                if (this.mutations.forgetsImages !== true) {
                  this.#images.get(path)!.set(written, position);
                }
                return { bytesWritten: length };
              }),
            truncate: (size) => act("truncate", () => grow(path, size)),
            sync: () => act("sync", () => {}),
            close: async () => {},
          };
        }),
    };
  }

  readonly openImage: OpenImage = (path) => ({
    read: (target, position) => {
      const found = this.#images.get(path)!.subarray(position, position + target.byteLength);
      target.set(found);
      return found.byteLength;
    },
    close: () => {},
  });

  segmentsFor(process: SimProcess): SegmentFiles {
    const act = <Result>(what: string, work: () => Result): Result => {
      if (!process.reach(`before ${what} segment`)) throw new Error("the process is dead");
      const result = work();
      if (!process.reach(`after ${what} segment`)) throw new Error("the process is dead");
      return result;
    };
    return {
      create: (path) =>
        act("create", () => {
          this.#needSpace();
          if (this.#names.has(path)) throw new Error(`${path} exists`);
          this.#names.set(path, { text: "", syncedLength: 0 });
        }),
      append: (path, text) =>
        act("append", () => {
          this.#needSpace();
          this.#inode(path).text += text;
        }),
      read: (path) => this.#inode(path).text,
      sync: (path) =>
        act("sync", () => {
          if (this.mutations.ignoresSync) return;
          const inode = this.#inode(path);
          inode.syncedLength = inode.text.length;
          this.#lastingNames.set(path, inode);
        }),
    };
  }

  lockFor(process: SimProcess, path: string, text: string): FileLockAttempt {
    const held = this.#locks.get(path);
    if (held !== undefined) return { type: "held", text: held.text };
    this.#locks.set(path, { holder: process, text });
    const release = () => {
      if (this.#locks.get(path)?.holder === process) this.#locks.delete(path);
    };
    return { type: "locked", lock: { place: `start ${this.#startCount} ${path}`, release } };
  }

  releaseLocks(process: SimProcess): void {
    for (const [path, { holder }] of this.#locks) if (holder === process) this.#locks.delete(path);
  }

  losePower(): void {
    this.#startCount += 1;
    const names = new Map<string, Inode>();
    for (const path of new Set([...this.#names.keys(), ...this.#lastingNames.keys()])) {
      const [now, lasting] = [this.#names.get(path), this.#lastingNames.get(path)];
      const inode = now === lasting || this.#dice.chance(0.5) ? now : lasting;
      if (inode !== undefined) names.set(path, this.#tear(inode));
    }
    this.#names = names;
    this.#lastingNames = new Map(names);
  }

  #tear({ text, syncedLength }: Inode): Inode {
    // Often all of it had reached the disk by itself, or none.
    const keptLength = this.#dice.pick([
      text.length,
      syncedLength,
      this.#dice.whole(syncedLength, text.length),
    ]);
    const lostLength = text.length - keptLength;
    const zeros = this.#dice.chance(0.3) ? "\0".repeat(lostLength) : "";
    const torn = text.slice(0, keptLength) + zeros;
    return { text: torn, syncedLength: torn.length };
  }

  #list(folder: string): string[] {
    const names = [...this.#names.keys()].filter((path) => posix.dirname(path) === folder);
    return names.map((path) => posix.basename(path));
  }

  #write(path: string, text: string, syncedLength: number): void {
    this.#needSpace();
    if (this.mutations.forgets === kindOf(path)) return;
    this.#names.set(path, { text, syncedLength });
  }

  #rename(from: string, to: string): void {
    if (this.mutations.forgets === kindOf(to)) return;
    this.#names.set(to, this.#inode(from));
    this.#names.delete(from);
  }

  #syncFolder(folder: string): void {
    for (const path of [...this.#names.keys(), ...this.#lastingNames.keys()]) {
      if (posix.dirname(path) !== folder) continue;
      const inode = this.#names.get(path);
      if (inode === undefined) this.#lastingNames.delete(path);
      else this.#lastingNames.set(path, inode);
    }
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw Object.assign(new Error(`no file ${path}`), { code: "ENOENT" });
    return inode;
  }

  #needSpace(): void {
    if (!this.isFull) return;
    throw Object.assign(new Error("no space left on the device"), { code: "ENOSPC" });
  }
}

/** What a path is, without what differs from run to run. */
function kindOf(path: string): string {
  const name = posix.basename(path).replace(/\.tmp$/, "");
  if (name.endsWith(".journal")) return "segment";
  if (name.endsWith(".record")) return "image record";
  return name.endsWith(".json") ? name : "folder";
}
