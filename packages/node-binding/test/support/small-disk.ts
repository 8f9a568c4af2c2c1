/**
 * A disk of a few megabytes that a test can fill to the last byte.
 */

import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { tempDir } from "./temp-dir.ts";

const MIB = 1024 * 1024;
const FILES_MAX = 64;

export class SmallDisk {
  readonly path: string;
  readonly #fillers: string[] = [];

  constructor(path: string) {
    this.path = path;
  }

  /** Until not one byte more can be written. */
  fill(): void {
    const path = join(this.path, `filler-${this.#fillers.length}`);
    this.#fillers.push(path);
    const handle = openSync(path, "w");
    const block = new Uint8Array(4096);
    untilFull(() => void writeSync(handle, block));
    closeSync(handle);
  }

  /** Until there is no room for another file, but for bytes in those that are there. */
  useUpFiles(): void {
    untilFull(() => {
      const path = join(this.path, `file-${this.#fillers.length}`);
      writeFileSync(path, "");
      this.#fillers.push(path);
    });
  }

  /** From now on nothing can be written, which is so when it returns true. */
  makeReadOnly(): boolean {
    return spawnSync("mount", ["-o", "remount,ro", this.path]).status === 0;
  }

  /** Takes away what the other two have put there. */
  makeRoom(): void {
    for (const path of this.#fillers.splice(0)) rmSync(path);
  }
}

function untilFull(write: () => void): void {
  for (;;) {
    try {
      write();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") return;
      throw error;
    }
  }
}

/** Gone with the test. A sentence when there can be none. */
export function smallDisk(megabytes: number): SmallDisk | string {
  const path = tempDir();
  const options = `size=${megabytes * MIB},nr_inodes=${FILES_MAX}`;
  const arguments_ = ["-t", "tmpfs", "-o", options, "tmpfs", path];
  const { status, stderr, error } = spawnSync("mount", arguments_, { encoding: "utf8" });
  if (status !== 0) return `a small disk cannot be mounted: ${error?.message ?? stderr.trim()}`;
  // Whatever is open there may stay open: its name goes, and the rest when it is closed.
  onTestFinished(() => void spawnSync("umount", ["--lazy", path]));
  return new SmallDisk(path);
}
