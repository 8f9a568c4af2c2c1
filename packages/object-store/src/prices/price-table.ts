/**
 * What requests cost, by provider.
 *
 * These are list prices in USD of one region, without free tiers and discounts, as of the time that
 * each entry names. They are there to compare with one another and to be overridden: what a bill
 * says depends on the region, the storage class, the contract, and on where the reader is. Bytes
 * that stay within a provider's region, for one, mostly cost nothing.
 */

import type { Operation } from "../object-store.ts";

export interface StorePrices {
  readonly title: string;
  /** USD for a thousand requests, by what they do. */
  readonly per1000: Readonly<Record<Operation, number>>;
  /** USD for 2^30 bytes that leave the store for the internet: the first, most expensive ones. */
  readonly egressPerGib: number;
  readonly region: string;
  /** A day at which it was so, as exactly as that is known: a year, if no more is. */
  readonly asOf: string;
  /** Where it says what it is now. */
  readonly source: string;
}

/** What writes, lists and reads cost; what deletes and gives up costs nothing anywhere here. */
function byClass(write: number, list: number, read: number): StorePrices["per1000"] {
  return {
    get: read,
    head: read,
    list,
    put: write,
    openUpload: write,
    putPart: write,
    completeUpload: write,
    abortUpload: 0,
    delete: 0,
    deleteMany: 0,
  };
}

export const STORE_PRICES = {
  "aws-s3-standard": {
    title: "Amazon S3, Standard",
    per1000: byClass(0.005, 0.005, 0.0004),
    egressPerGib: 0.09,
    region: "us-east-1",
    asOf: "2025",
    source: "https://aws.amazon.com/s3/pricing/",
  },
  tigris: {
    title: "Tigris, Standard",
    per1000: byClass(0.005, 0.005, 0.0005),
    egressPerGib: 0,
    region: "global",
    asOf: "2026-06-20",
    source: "https://www.tigrisdata.com/pricing/",
  },
  r2: {
    title: "Cloudflare R2, Standard",
    per1000: byClass(0.0045, 0.0045, 0.00036),
    egressPerGib: 0,
    region: "global",
    asOf: "2026-08-03",
    source: "https://developers.cloudflare.com/r2/pricing/",
  },
  "gcs-standard": {
    title: "Google Cloud Storage, Standard",
    // A resumable upload is one operation, however many pieces it comes in.
    per1000: {
      ...byClass(0.005, 0.005, 0.0004),
      putPart: 0,
      completeUpload: 0,
    },
    egressPerGib: 0.12,
    region: "us-central1",
    asOf: "2025",
    source: "https://cloud.google.com/storage/pricing",
  },
  "azure-blob-hot-lrs": {
    title: "Azure Blob Storage, hot, LRS",
    // Opening an upload sends nothing.
    per1000: { ...byClass(0.0055, 0.0055, 0.00044), openUpload: 0 },
    egressPerGib: 0.087,
    region: "East US",
    asOf: "2026-05-05",
    source: "https://azure.microsoft.com/pricing/details/storage/blobs/",
  },
  /** Folders and memory. */
  local: {
    title: "nobody",
    per1000: byClass(0, 0, 0),
    egressPerGib: 0,
    region: "here",
    asOf: "always",
    source: "none",
  },
} as const satisfies Readonly<Record<string, StorePrices>>;

export type PriceProvider = keyof typeof STORE_PRICES;
