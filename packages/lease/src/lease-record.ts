/**
 * The JSON object that is the lease, as Litestream's `lock.json` has it, with three fields more.
 *
 *   generation   number of this holder; one more than that of the last
 *   expires_at   RFC 3339; for Litestream, which compares it with its own clock, and for people
 *   owner        a name for people
 *   ttl_ms       ours: how long after the put the record holds, by the store's clock
 *   nonce        ours: different in every put, so that a put whose answer got lost is known again
 *   released     ours: true once the holder gave it back
 *
 * Litestream ignores the fields it does not know. A record without ours is one that it wrote.
 */

import {
  FOREIGN_TTL_MS_DEFAULT,
  FOREIGN_TTL_MS_MAX,
  RECORD_BYTES_MAX,
  TTL_MS_MAX,
  TTL_MS_MIN,
} from "./limits.ts";

export interface LeaseRecord {
  readonly generation: bigint;
  readonly expiresAtMs: number;
  readonly owner: string | undefined;
  readonly ttlMs: number | undefined;
  readonly nonce: string | undefined;
  readonly released: boolean;
}

/**
 * In the past by any clock. The moment of the release would not do: the clock of whoever reads it
 * may be behind.
 */
export const RELEASED_EXPIRES_AT_MS = 0;

export function encodeRecord(record: LeaseRecord): Uint8Array {
  const json = JSON.stringify({
    generation: toSafeNumber(record.generation),
    expires_at: new Date(record.expiresAtMs).toISOString(),
    owner: record.owner,
    ttl_ms: record.ttlMs,
    nonce: record.nonce,
    released: record.released ? true : undefined,
  });
  return new TextEncoder().encode(json);
}

/** The record, or one sentence that says why this is none. */
export function decodeRecord(body: Uint8Array): LeaseRecord | string {
  if (body.byteLength > RECORD_BYTES_MAX) return `it has ${body.byteLength} bytes`;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return "it is not JSON";
  }
  if (typeof json !== "object" || json === null) return "it is not a JSON object";
  const fields = json as Record<string, unknown>;
  const { generation, owner, ttl_ms: ttlMs, nonce } = fields;
  if (!Number.isSafeInteger(generation) || Number(generation) < 0) {
    return "its generation is not a count";
  }
  const expiresAtMs = Date.parse(String(fields.expires_at));
  if (Number.isNaN(expiresAtMs)) return "its expires_at is not a date";
  return {
    generation: BigInt(Number(generation)),
    expiresAtMs,
    owner: typeof owner === "string" ? owner : undefined,
    ttlMs: isTtl(ttlMs) ? ttlMs : undefined,
    nonce: typeof nonce === "string" ? nonce : undefined,
    released: fields.released === true || expiresAtMs <= RELEASED_EXPIRES_AT_MS,
  };
}

/** How long the record holds after its put. A foreign one tells only by its writer's clock. */
export function recordTtlMs(record: LeaseRecord, lastModifiedMs: number): number {
  if (record.ttlMs !== undefined) return record.ttlMs;
  const claimedMs = record.expiresAtMs - lastModifiedMs;
  return Math.min(Math.max(claimedMs, FOREIGN_TTL_MS_DEFAULT), FOREIGN_TTL_MS_MAX);
}

function toSafeNumber(generation: bigint): number {
  const number = Number(generation);
  if (!Number.isSafeInteger(number)) throw new RangeError(`generation too large: ${generation}`);
  return number;
}

/** Only what `acquireLease` accepts: no damaged record keeps everybody out for a year. */
function isTtl(value: unknown): value is number {
  return typeof value === "number" && value >= TTL_MS_MIN && value <= TTL_MS_MAX;
}
