/**
 * Page indexes of LTX files on local disk, so that the next opening does not have to fetch them.
 *
 * Always true:
 *   - An index is only used for the very object that it was read from: of this store, key, size and
 *     version. LTX files never change, but a name may come to mean another one.
 *   - Nothing that is wrong with the cache is an error of the mount. What cannot be used is
 *     fetched, and replaced; why it could not is in the status.
 */

import { createHash } from "node:crypto";
import { decodePageIndex, encodePageIndex, TAIL_SIZE } from "@headwater/ltx";
import type { CacheFolder } from "./disk/cache-folder.ts";
import { decodePack, encodePack, type PackedFile } from "./index-pack.ts";
import { INDEX_PACK_BYTES_MAX, INDEX_PACK_FILES_MAX } from "./limits.ts";
import type { LoadedFile } from "./load-file.ts";
import type { LtxFile } from "./ltx-file.ts";
import { type Replica, replicaPlace } from "./replica.ts";
import { type IndexCacheStatus, summarizeError } from "./status.ts";

export class IndexCache {
  readonly #folder: CacheFolder;
  /** Of which store and replica the files are. */
  readonly #replica: string;
  readonly #name: string;
  #found = new Map<string, PackedFile>();
  /** What is to be there the next time. */
  #next: PackedFile[] = [];
  #nextBytes = 0;
  #hitCount = 0;
  #missCount = 0;
  #lastError: unknown;
  #saving: Promise<void> | undefined;

  constructor(replica: Replica, folder: CacheFolder) {
    this.#folder = folder;
    this.#replica = replicaPlace(replica);
    this.#name = createHash("sha256").update(this.#replica).digest("hex").slice(0, 32);
  }

  status(): IndexCacheStatus {
    const lastError = summarizeError(this.#lastError);
    return { hitCount: this.#hitCount, missCount: this.#missCount, lastError };
  }

  /** Reads what an earlier run left. Never rejects. */
  async load(): Promise<void> {
    await this.#tolerate(async () => {
      const bytes = await this.#folder.read(this.#name);
      if (bytes === undefined) return;
      const files = decodePack(bytes, this.#replica);
      if (files === undefined) {
        throw new Error(`the index cache ${this.#name} is damaged, or of another version`);
      }
      this.#found = new Map(files.map((file) => [file.key, file]));
    });
  }

  /** Begins the list of what is to be there the next time. */
  begin(): void {
    this.#next = [];
    this.#nextBytes = 0;
    this.#hitCount = 0;
    this.#missCount = 0;
  }

  /** What the file says of itself, without its bytes. */
  find(file: LtxFile): LoadedFile | undefined {
    const packed = this.#found.get(file.key);
    if (packed?.size !== file.size || packed.version !== file.version) return undefined;
    const { pageSize, pageCount, createdAtMs, indexBytes } = packed;
    const at = file.size - TAIL_SIZE - indexBytes.byteLength;
    try {
      const index = decodePageIndex(indexBytes, { at, pageSize });
      return { file: { ...file, createdAtMs }, pageSize, pageCount, index, body: undefined };
    } catch (error) {
      this.#lastError = error;
      this.#found.delete(file.key);
      return undefined;
    }
  }

  /** Keeps the index of a file that was loaded for the next time, as long as there is room. */
  add({ file, pageSize, pageCount, index }: LoadedFile): void {
    const { key, size, version, createdAtMs } = file;
    if (version === undefined) return;
    const known = this.#found.get(key);
    const isKnown = known?.size === size && known.version === version;
    if (isKnown) this.#hitCount += 1;
    else this.#missCount += 1;
    const indexBytes = isKnown ? known.indexBytes : encodePageIndex(index);
    const bytes = this.#nextBytes + indexBytes.byteLength;
    if (bytes > INDEX_PACK_BYTES_MAX || this.#next.length >= INDEX_PACK_FILES_MAX) return;
    this.#nextBytes = bytes;
    this.#next.push({ key, size, version, pageSize, pageCount, createdAtMs, indexBytes });
  }

  /** Writes what has changed, in the background. */
  save(): void {
    const isSame = this.#missCount === 0 && this.#next.length === this.#found.size;
    const files = this.#next;
    this.#next = [];
    this.#found = new Map();
    if (isSame) return;
    this.#saving = this.#tolerate(async () => {
      await this.#folder.write(this.#name, encodePack(this.#replica, files));
    });
  }

  /** Resolves when nothing is being written. */
  async close(): Promise<void> {
    await this.#saving;
  }

  async #tolerate(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#lastError = error;
    }
  }
}
