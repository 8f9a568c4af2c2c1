/**
 * What a started server is: a connection, and a way to stop it.
 */

interface Connection {
  readonly name: string;
  readonly endpoint: string;
  /** A bucket that is there from the start; Azure calls it a container. */
  readonly bucket: string;
}

export interface S3Connection extends Connection {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** False: only the buckets named at the start exist. */
  readonly createsBuckets: boolean;
}

export interface AzureConnection extends Connection {
  readonly account: string;
  readonly accountKey: string;
}

/** Also where clients look that know only `https://ACCOUNT.blob.core.windows.net`. */
export interface AzureTlsConnection extends AzureConnection {
  /** A CONNECT proxy that leads there. */
  readonly proxyUrl: string;
  /** The file with the certificate to trust. */
  readonly certificatePath: string;
}

/** Without credentials: what speaks this protocol here checks none. */
export interface GcsConnection extends Connection {
  readonly projectId: string;
}

export type RunningServer<Kind extends Connection = S3Connection> = Kind & {
  /** Ends every process of it, by its id. May be called again. */
  stop(): Promise<void>;
};

export interface StartOptions {
  /** Buckets beside the usual one, for servers that cannot make them later. */
  readonly buckets?: readonly string[] | undefined;
}

/** This server cannot be had here, and why, in one sentence. */
export class ServerUnavailable extends Error {}

export const DEFAULT_BUCKET = "headwater-test";
export const ACCESS_KEY_ID = "headwater";
export const SECRET_ACCESS_KEY = "headwater-secret";
