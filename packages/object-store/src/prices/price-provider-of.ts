/**
 * Whose prices are those of a store, by where it is.
 */

import type { ObjectStore } from "../object-store.ts";
import { isAws, isExpress } from "../s3/quirks.ts";
import type { PriceProvider } from "./price-table.ts";

interface Rule {
  readonly provider: PriceProvider;
  readonly matches: (host: string, path: string) => boolean;
}

const RULES: readonly Rule[] = [
  // Directory buckets are charged by the byte as well, which no entry of the table tells.
  { provider: "aws-s3-standard", matches: (host, path) => isAws(host) && !isExpress(path) },
  { provider: "r2", matches: (host) => host.endsWith(".r2.cloudflarestorage.com") },
  {
    provider: "tigris",
    matches: (host) => /(^|\.)(fly\.storage\.tigris\.dev|t3\.storage\.dev)$/.test(host),
  },
  { provider: "gcs-standard", matches: (host) => host === "storage.googleapis.com" },
  {
    provider: "azure-blob-hot-lrs",
    matches: (host) => host.endsWith(".blob.core.windows.net"),
  },
];

/** Undefined for servers of one's own and for stores of others: nobody knows what they cost. */
export function priceProviderOf({
  name,
  place,
}: Pick<ObjectStore, "name" | "place">): PriceProvider | undefined {
  if (/^(file|memory):/.test(name)) return "local";
  if (place === undefined || !URL.canParse(place)) return undefined;
  const { hostname, pathname } = new URL(place);
  return RULES.find(({ matches }) => matches(hostname, pathname))?.provider;
}
