/**
 * What a child is told, and what it answers with.
 */

export const ADAPTERS = ["memory", "file", "s3", "gcs", "azure"] as const;
export type Adapter = (typeof ADAPTERS)[number];

/**
 * "bare SDK": the vendor's own client, used as its documentation says. "compile cache": with
 * NODE_COMPILE_CACHE set to a folder that an earlier process has filled.
 */
export const WAYS = ["Headwater", "Headwater, compile cache", "bare SDK"] as const;
export type Way = (typeof WAYS)[number];

export interface ColdStartJob {
  readonly way: Way;
  readonly adapter: Adapter;
  /** In the form that `openStore` reads. */
  readonly url: string;
  readonly endpoint: string;
  readonly bucket: string;
  readonly key: string;
  /** For whatever the adapter needs: its names are those of `OpenStoreOptions`. */
  readonly storeOptions: Readonly<Record<string, string>>;
  readonly account: string;
}

/** Since the child's first line, but for the memory. */
export interface ColdStartSample {
  readonly importProcessorMs: number;
  readonly answerProcessorMs: number;
  readonly answerClockMs: number;
  /** Of the whole process, Node.js included, in millions of bytes. */
  readonly residentMb: number;
}
