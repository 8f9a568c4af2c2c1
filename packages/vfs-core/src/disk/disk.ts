/**
 * What a journal folder asks of a file system: few enough that a test can be one, and lose at a
 * crash what a real one may lose.
 *
 * Failures are those of the system, with its code: `ENOSPC` when the disk is full.
 */

export interface Disk {
  /** With the folders above it. False when it was there already. */
  makeFolder(path: string): Promise<boolean>;
  /** Names of what is in a folder, in no order. */
  list(path: string): Promise<string[]>;
  /** Undefined when there is no such file. */
  read(path: string): Promise<string | undefined>;
  /**
   * The whole content of a file, which is made when it is not there. Resolves when the content
   * would survive a loss of power; before, anything may be in it.
   */
  write(path: string, text: string): Promise<void>;
  /** One step: another name at once, or the file that had it before. */
  rename(from: string, to: string): Promise<void>;
  /** Resolves when there is no such file. */
  remove(path: string): Promise<void>;
  /** If it is there and empty. */
  removeFolder(path: string): Promise<void>;
  /** Makes names that were added, changed or removed survive a loss of power. */
  syncFolder(path: string): Promise<void>;
}
