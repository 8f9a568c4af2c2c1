/**
 * The file that hydration fills: an ordinary database file once it is complete, sparse before.
 *
 * Always true: writes happen one after another in the order of the calls, so of two versions of a
 * page the one given later is the one that stays.
 */

import { constants } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HeadwaterError } from "../errors.ts";
import { type FileLock, type FileLocks, type LockResult, takeLock } from "../file-locks.ts";
import type { ImageFiles, ImageHandle } from "./image-files.ts";

const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants;

export interface ImagePage {
  readonly pgno: number;
  readonly page: Uint8Array;
}

export const systemImageFiles: ImageFiles = {
  // A link could lead to a file that somebody still needs.
  open: (path) => open(path, O_RDWR | O_CREAT | (O_NOFOLLOW ?? 0), 0o600),
};

export class ImageFile {
  /** Undefined when the image goes with the mount. */
  readonly path: string | undefined;
  readonly #handle: ImageHandle;
  readonly #lock: FileLock | undefined;
  #folder: string | undefined;
  readonly #filePath: string;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    handle: ImageHandle,
    filePath: string,
    owned: { readonly lock?: FileLock; readonly folder?: string },
  ) {
    this.#handle = handle;
    this.#filePath = filePath;
    this.#lock = owned.lock;
    this.#folder = owned.folder;
    this.path = owned.folder === undefined ? filePath : undefined;
  }

  /** What the page device opens for reading. */
  get filePath(): string {
    return this.#filePath;
  }

  /**
   * The image at that path, as it is, or an empty one, which stays; without a path, an empty one
   * that nobody else sees.
   */
  static async create(
    path: string | undefined,
    locks: FileLocks,
    files: ImageFiles = systemImageFiles,
  ): Promise<ImageFile> {
    if (path === undefined) return ImageFile.#createPrivate();
    const lock = lockImage(path, locks);
    try {
      return new ImageFile(await files.open(path), path, { lock });
    } catch (error) {
      lock.release();
      throw unusable(path, error);
    }
  }

  static async #createPrivate(): Promise<ImageFile> {
    let folder: string | undefined;
    try {
      folder = await mkdtemp(join(tmpdir(), "headwater-"));
      const filePath = join(folder, "image.db");
      return new ImageFile(await open(filePath, "wx+", 0o600), filePath, { folder });
    } catch (cause) {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => {});
      const sentence = `cannot make a local image in ${tmpdir()}: ${(cause as Error).message}`;
      throw new HeadwaterError("IMAGE_FAILED", sentence, { cause });
    }
  }

  /** A private image needs no name once the device has opened it: a crash then leaves nothing. */
  async hide(): Promise<void> {
    if (this.#folder === undefined) return;
    const folder = this.#folder;
    this.#folder = undefined;
    await rm(folder, { recursive: true, force: true }).catch(() => {
      this.#folder = folder;
    });
  }

  /** Ascending pages; those that follow each other go in one write. */
  write(pages: readonly ImagePage[], pageSize: number): Promise<void> {
    return this.#inTurn(async () => {
      for (let start = 0; start < pages.length; ) {
        let end = start + 1;
        while (end < pages.length && pages[end]!.pgno === pages[end - 1]!.pgno + 1) end += 1;
        const run = pages.slice(start, end).map(({ page }) => page);
        await this.#writeAll(run, (pages[start]!.pgno - 1) * pageSize);
        start = end;
      }
    });
  }

  /** As many bytes from there on as there are, up to so many; gives their number. */
  read(bytes: Uint8Array, position: number): Promise<number> {
    return this.#inTurn(async () => {
      const { byteLength } = bytes;
      let length = 0;
      while (length < byteLength) {
        const rest = byteLength - length;
        const { bytesRead } = await this.#handle.read(bytes, length, rest, position + length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return length;
    });
  }

  /** Grows with a hole, or cuts off. */
  setSize(size: number): Promise<void> {
    return this.#inTurn(() => this.#handle.truncate(size));
  }

  sync(): Promise<void> {
    return this.#inTurn(() => this.#handle.sync());
  }

  /**
   * Never rejects, since whoever closes it has more to give back: what the disk may lose with it is
   * found out before the image is used again.
   */
  async close(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#handle.close().catch(() => {});
    await this.hide();
    this.#lock?.release();
  }

  async #writeAll(buffers: Uint8Array[], position: number): Promise<void> {
    const total = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const whole = asOne(buffers, total) ?? Buffer.concat(buffers, total);
    for (let written = 0; written < total; ) {
      const rest = total - written;
      const result = await this.#handle.write(whole, written, rest, position + written);
      written += result.bytesWritten;
    }
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work, work);
    this.#last = done;
    return done;
  }
}

/** Buffers that lie one after another, without a copy; undefined when they do not. */
function asOne(buffers: readonly Uint8Array[], total: number): Uint8Array | undefined {
  const [first] = buffers;
  let end = first!.byteOffset;
  for (const { buffer, byteOffset, byteLength } of buffers) {
    if (buffer !== first!.buffer || byteOffset !== end) return undefined;
    end += byteLength;
  }
  return new Uint8Array(first!.buffer, first!.byteOffset, total);
}

function lockImage(path: string, locks: FileLocks): FileLock {
  let result: LockResult;
  try {
    result = takeLock(locks, `${path}.lock`);
  } catch (error) {
    throw unusable(path, error);
  }
  if (result.type === "locked") return result.lock;
  const sentence = `${path} is the local image of ${result.holder}`;
  throw new HeadwaterError("IMAGE_LOCKED", sentence);
}

function unusable(path: string, error: unknown): HeadwaterError {
  const sentence = `cannot use ${path} as local image: ${(error as Error).message}`;
  return new HeadwaterError("IMAGE_FAILED", sentence, { cause: error });
}
