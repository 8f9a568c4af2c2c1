/**
 * What a started server is: a connection, and a way to stop it.
 */

export interface S3Connection {
  readonly name: string;
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** A bucket that is there from the start. */
  readonly bucket: string;
  /** False: only the buckets named at the start exist. */
  readonly createsBuckets: boolean;
}

export interface RunningServer extends S3Connection {
  /** Ends every process of it, by its id. May be called again. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Buckets beside the usual one, for servers that cannot make them later. */
  readonly buckets?: readonly string[] | undefined;
}

/** This server cannot be had here, and why, in one sentence. */
export class ServerUnavailable extends Error {}

export const DEFAULT_BUCKET = "headwater-test";
export const ACCESS_KEY_ID = "headwater";
export const SECRET_ACCESS_KEY = "headwater-secret";
