/**
 * When an object's content came to be, as Litestream keeps it in the metadata of objects: RFC 3339,
 * UTC, without trailing zeros of the fraction.
 */

/** The name of this metadata on S3 and GCS. */
export const TIMESTAMP_METADATA = "litestream-timestamp";

/** ... and on Azure, where names have no hyphens. */
export const TIMESTAMP_METADATA_AZURE = "litestreamtimestamp";

export function formatTimestamp(timestampMs: number): string {
  return new Date(timestampMs).toISOString().replace(/\.?0+Z$/, "Z");
}

/** Undefined for what is no time: an object without it is as good. */
export function parseTimestamp(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  // Nanoseconds are cut; Date takes any length of fraction, but rounds nothing beyond three.
  const timestampMs = Date.parse(text.replace(/(\.\d{3})\d+/, "$1"));
  return Number.isNaN(timestampMs) ? undefined : timestampMs;
}
