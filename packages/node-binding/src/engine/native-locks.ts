/**
 * Locks of files over the native half. Called on the engine's thread only: when it
 * ends, so do they.
 */

import { fstatSync, readFileSync } from "node:fs";
import type { FileLockAttempt } from "@headwater/vfs-core";
import type { Native } from "../native.ts";
import { bootId } from "../system.ts";

export function lockNatively(
  native: Pick<Native, "fileLock" | "fileUnlock">,
  path: string,
  text: string,
): FileLockAttempt {
  const number = lock(native, path, text);
  if (number === undefined) return { type: "held", text: readText(path) };
  let isHeld = true;
  const release = (): void => {
    // The system gives the same number to another file soon.
    if (isHeld) native.fileUnlock(number);
    isHeld = false;
  };
  return { type: "locked", lock: { place: placeOf(number), release } };
}

/**
 * flock() is by file, within one start of one kernel, and containers share that. A file keeps its
 * device and number for as long as a process has it open, so a living holder shares them with
 * nobody.
 */
function placeOf(number: number): string | undefined {
  const boot = bootId();
  if (boot === undefined) return undefined;
  const { dev, ino } = fstatSync(number, { bigint: true });
  return `${boot} ${dev} ${ino}`;
}

/** The native half tells only why, and not for which file. */
function lock(native: Pick<Native, "fileLock">, path: string, text: string): number | undefined {
  try {
    return native.fileLock(path, text);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const sentence = `cannot lock ${path}: ${message.replace(/^.*: /, "")}`;
    throw Object.assign(new Error(sentence, { cause: error }), { code, syscall: "flock", path });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
