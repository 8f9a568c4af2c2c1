/**
 * What the local image asks of a file system: few enough that a test can be one. Failures are those
 * of the system, with its code.
 */

export interface ImageFiles {
  /** The file of that path as it is, or an empty one. */
  open(path: string): Promise<ImageHandle>;
}

export interface ImageHandle {
  /** Some of the bytes, from `offset` on; it tells how many. */
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  /** The same the other way round; none at the end of the file. */
  read(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  /** Grows with zeros, or cuts off. */
  truncate(size: number): Promise<void>;
  /** What was written so far survives a loss of power. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
