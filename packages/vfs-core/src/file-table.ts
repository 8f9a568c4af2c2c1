/**
 * The LTX files that page maps point into, each under a small number, its ordinal.
 *
 * Always true: an ordinal means the same file as long as any living page map uses it, or one that
 * is being made. Ordinals of forgotten files are given out again.
 */

import { FILE_TABLE_SLACK } from "./limits.ts";
import { isSameFile, type LtxFile } from "./ltx-file.ts";

export class FileTable {
  readonly #files: (LtxFile | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #ordinals = new Map<string, number>();
  #cleanAt = FILE_TABLE_SLACK;
  /** Of maps that are being made. */
  #makerCount = 0;

  get count(): number {
    return this.#ordinals.size;
  }

  /** The ordinal of the file, a new one if it is not here yet. */
  add(file: LtxFile): number {
    const known = this.#ordinals.get(file.key);
    if (known !== undefined && isSameFile(this.#files[known]!, file)) return known;
    const ordinal = this.#free.pop() ?? this.#files.length;
    this.#files[ordinal] = file;
    this.#ordinals.set(file.key, ordinal);
    return ordinal;
  }

  get(ordinal: number): LtxFile {
    const file = this.#files[ordinal];
    if (file === undefined) throw new Error(`file table: no file ${ordinal}`);
    return file;
  }

  /** Undefined when no map can point into the file. */
  find(file: LtxFile): number | undefined {
    return this.#ordinals.get(file.key);
  }

  /** Whether this very object is here. */
  has(file: LtxFile): boolean {
    const known = this.#ordinals.get(file.key);
    return known !== undefined && isSameFile(this.#files[known]!, file);
  }

  /** Whether the name of a file that is here means another object now. */
  isReplaced(file: LtxFile): boolean {
    return this.#ordinals.has(file.key) && !this.has(file);
  }

  /** Whether enough files have come since the last `retain` to make another one worth its time. */
  get isDue(): boolean {
    if (this.#makerCount > 0) return false;
    return this.#files.length - this.#free.length >= this.#cleanAt;
  }

  /**
   * Forgets nothing until the work is over: it makes a map, takes its time, and nobody can tell
   * which files that map points into before it has become a version's.
   */
  async keepAllFor<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#makerCount += 1;
    try {
      return await work();
    } finally {
      this.#makerCount -= 1;
    }
  }

  /** Forgets every file that is not in use. */
  retain(used: ReadonlySet<number>): void {
    for (const [ordinal, file] of this.#files.entries()) {
      if (file === undefined || used.has(ordinal)) continue;
      this.#files[ordinal] = undefined;
      this.#free.push(ordinal);
      if (this.#ordinals.get(file.key) === ordinal) this.#ordinals.delete(file.key);
    }
    this.#cleanAt = 2 * used.size + FILE_TABLE_SLACK;
  }
}
