/**
 * What providers of the S3 API differ in, as data. Requests look at fields, never at the name.
 *
 * An unknown provider is taken to do what AWS does, but not trusted to: whoever depends on its
 * conditions has them checked (conditions-problem.ts).
 */

import { PARTS_PARALLEL } from "../limits.ts";

export interface S3Quirks {
  readonly provider: string;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly conditionalCreate: boolean;
  readonly conditionalUpdate: boolean;
  readonly conditionalDelete: boolean;
  /** The provider promises that conditions hold, also among requests at the same moment. */
  readonly conditionsTrusted: boolean;
  /** Conditions hold for objects that come in parts: CompleteMultipartUpload judges them. */
  readonly streamedConditions: boolean;
  /** Parts of one object that the provider takes at the same time. */
  readonly partsParallel: number;
  readonly orderedList: boolean;
  readonly startAfter: boolean;
  /** Lists take no prefix but one that ends in a slash. */
  readonly folderPrefixes: boolean;
  /** Answers have a Date header. */
  readonly serverDate: boolean;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
}

interface Provider {
  readonly matches: (host: string, path: string, bucket: string) => boolean;
  readonly quirks: Partial<S3Quirks> & Pick<S3Quirks, "provider">;
}

const AWS: S3Quirks = {
  provider: "aws",
  region: "us-east-1",
  pathStyle: false,
  conditionalCreate: true,
  conditionalUpdate: true,
  conditionalDelete: true,
  conditionsTrusted: true,
  streamedConditions: true,
  partsParallel: PARTS_PARALLEL,
  orderedList: true,
  startAfter: true,
  folderPrefixes: false,
  serverDate: true,
  headers: {},
};

const COMPATIBLE: S3Quirks = {
  ...AWS,
  provider: "s3-compatible",
  pathStyle: true,
  conditionsTrusted: false,
};

export const TIGRIS: S3Quirks = {
  ...AWS,
  provider: "tigris",
  region: "auto",
  // Without this header, answers may come from a cache of another region.
  headers: { "X-Tigris-Consistent": "true" },
};

const R2 = {
  provider: "r2",
  region: "auto",
  conditionalDelete: false,
  conditionsTrusted: true,
  partsParallel: 2,
} as const;

const PROVIDERS: readonly Provider[] = [
  {
    // Directory buckets list whole folders, in no order, and cannot start after a key.
    matches: (host, _path, bucket) => isAws(host) && isExpress(bucket),
    quirks: {
      ...AWS,
      provider: "s3-express",
      orderedList: false,
      startAfter: false,
      folderPrefixes: true,
    },
  },
  {
    matches: isAws,
    quirks: AWS,
  },
  {
    matches: (host) => host.endsWith(".r2.cloudflarestorage.com"),
    quirks: R2,
  },
  {
    // Cloudflare's own local R2. It ignores conditions at the end of an upload, as R2 does not.
    matches: (_host, path) => path.startsWith("/cdn-cgi/local/r2/s3"),
    quirks: { ...R2, streamedConditions: false, serverDate: false },
  },
  {
    matches: (host) => /(^|\.)(fly\.storage\.tigris\.dev|t3\.storage\.dev)$/.test(host),
    quirks: TIGRIS,
  },
  {
    // Its S3 API has no conditions on puts; the adapter for gs: has.
    matches: (host) => host === "storage.googleapis.com",
    quirks: {
      provider: "gcs-s3",
      region: "auto",
      conditionalCreate: false,
      conditionalUpdate: false,
      conditionalDelete: false,
      streamedConditions: false,
    },
  },
  {
    matches: (host) => host.endsWith(".digitaloceanspaces.com"),
    quirks: { provider: "digitalocean", pathStyle: false },
  },
  {
    matches: (host) => host.endsWith(".scw.cloud"),
    quirks: { provider: "scaleway", pathStyle: false },
  },
];

export function quirksOf(endpoint: string | undefined, bucket: string): S3Quirks {
  const url = new URL(endpoint ?? "https://s3.amazonaws.com");
  const known = PROVIDERS.find(({ matches }) => matches(url.hostname, url.pathname, bucket));
  return { ...COMPATIBLE, ...known?.quirks };
}

/** Of a directory bucket, as AWS makes its name. */
export function isExpress(bucket: string): boolean {
  return bucket.endsWith("--x-s3");
}

export function isAws(host: string): boolean {
  return /(^|\.)amazonaws\.com(\.cn)?$/.test(host);
}
