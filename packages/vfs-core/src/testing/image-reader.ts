/**
 * How the writing device for tests reads from the local image: in calls that are synchronous, as
 * are those of the threads that run SQLite.
 */

import { closeSync, openSync, readSync } from "node:fs";

export interface ImageReader {
  /** Gives the number of bytes that were there. */
  read(target: Uint8Array, position: number): number;
  close(): void;
}

export type OpenImage = (path: string) => ImageReader;

export const openSystemImage: OpenImage = (path) => {
  const handle = openSync(path, "r");
  return {
    read: (target, position) => readSync(handle, target, 0, target.byteLength, position),
    close: () => closeSync(handle),
  };
};
