/**
 * What providers of the S3 API differ in, as data. Requests look at fields, never at the name.
 *
 * An unknown provider is taken to do what AWS does; a check of the conditions tells whether that is
 * so (conditions-check.ts).
 */

export interface S3Quirks {
  readonly provider: string;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly conditionalCreate: boolean;
  readonly conditionalUpdate: boolean;
  readonly conditionalDelete: boolean;
  readonly orderedList: boolean;
  readonly startAfter: boolean;
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
  orderedList: true,
  startAfter: true,
  serverDate: true,
  headers: {},
};

const COMPATIBLE: S3Quirks = { ...AWS, provider: "s3-compatible", pathStyle: true };

const PROVIDERS: readonly Provider[] = [
  {
    // Directory buckets list in no order, and cannot start after a key.
    matches: (host, _path, bucket) => /(^|\.)amazonaws\.com$/.test(host) && isExpress(bucket),
    quirks: { ...AWS, provider: "s3-express", orderedList: false, startAfter: false },
  },
  {
    matches: (host) => /(^|\.)amazonaws\.com(\.cn)?$/.test(host),
    quirks: AWS,
  },
  {
    matches: (host) => host.endsWith(".r2.cloudflarestorage.com"),
    quirks: { provider: "r2", region: "auto", conditionalDelete: false },
  },
  {
    // Cloudflare's own local R2.
    matches: (_host, path) => path.startsWith("/cdn-cgi/local/r2/s3"),
    quirks: { provider: "r2", region: "auto", conditionalDelete: false, serverDate: false },
  },
  {
    // Without this header, answers may come from a cache of another region.
    matches: (host) => /(^|\.)(fly\.storage\.tigris\.dev|t3\.storage\.dev)$/.test(host),
    quirks: {
      provider: "tigris",
      region: "auto",
      pathStyle: false,
      headers: { "X-Tigris-Consistent": "true" },
    },
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

function isExpress(bucket: string): boolean {
  return bucket.endsWith("--x-s3");
}
