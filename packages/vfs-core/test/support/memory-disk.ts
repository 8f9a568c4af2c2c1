/**
 * A disk in memory, for tests in which time is a number: what it does takes none.
 */

import type { Disk } from "../../src/disk/disk.ts";
import type { ImageFiles } from "../../src/disk/image-files.ts";
import type { OpenImage } from "../../src/testing/image-reader.ts";
import type { SegmentFiles } from "../../src/testing/segment-files.ts";

export class MemoryDisk {
  readonly #texts = new Map<string, string>();
  readonly #images = new Map<string, Uint8Array>();

  readonly disk: Disk = {
    makeFolder: async () => false,
    list: async (folder) =>
      [...this.#texts.keys()]
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1)),
    read: async (path) => this.#texts.get(path),
    write: async (path, text) => void this.#texts.set(path, text),
    rename: async (from, to) => {
      this.#texts.set(to, this.#texts.get(from)!);
      this.#texts.delete(from);
    },
    remove: async (path) => void this.#texts.delete(path),
    removeFolder: async () => {},
    syncFolder: async () => {},
  };

  readonly segments: SegmentFiles = {
    create: (path) => void this.#texts.set(path, ""),
    append: (path, text) => void this.#texts.set(path, this.segments.read(path) + text),
    read: (path) => this.#texts.get(path) ?? "",
    sync: () => {},
  };

  readonly images: ImageFiles = {
    open: async (path) => {
      if (!this.#images.has(path)) this.#images.set(path, new Uint8Array());
      return {
        read: async (bytes, offset, length, position) => {
          const found = this.image(path).subarray(position, position + length);
          bytes.set(found, offset);
          return { bytesRead: found.byteLength };
        },
        write: async (bytes, offset, length, position) => {
          const end = position + length;
          if (this.image(path).byteLength < end) this.#setSize(path, end);
          this.image(path).set(bytes.subarray(offset, offset + length), position);
          return { bytesWritten: length };
        },
        truncate: async (size) => this.#setSize(path, size),
        sync: async () => {},
        close: async () => {},
      };
    },
  };

  readonly openImage: OpenImage = (path) => ({
    read: (target, position) => {
      const found = this.image(path).subarray(position, position + target.byteLength);
      target.set(found);
      return found.byteLength;
    },
    close: () => {},
  });

  image(path: string): Uint8Array {
    return this.#images.get(path)!;
  }

  #setSize(path: string, size: number): void {
    const other = new Uint8Array(size);
    other.set(this.image(path).subarray(0, size));
    this.#images.set(path, other);
  }
}
