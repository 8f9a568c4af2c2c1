/**
 * Looking at a lease without wanting it, and taking it from a holder that does not give it back.
 *
 * Breaking is what a new holder does, without the wait: the next generation is put over the record,
 * if nobody changed it meanwhile, and then never renewed. So the next one sees a holder that went
 * silent, and does what that takes. The old holder finds out when it asks the store, at its next
 * renewal at the latest, which is a third of its TTL away; until then what it may do is up to what
 * the next one does first.
 */

import { LeaseError } from "./errors.ts";
import { ExpiryJudge } from "./expiry.ts";
import { LeaseObject, type Observed } from "./lease-object.ts";
import { ATTEMPTS_MAX, LOOK_TIMEOUT_MS, TTL_MS_MIN } from "./limits.ts";
import { type AcquireLeaseOptions, type Settings, toSettings } from "./settings.ts";

export interface InspectLeaseOptions
  extends Pick<AcquireLeaseOptions, "store" | "key" | "signal" | "clock" | "random"> {}

export interface BreakLeaseOptions extends InspectLeaseOptions {
  /** Who breaks it, for people. */
  readonly owner: string;
}

export interface LeaseInspection {
  readonly owner: string | undefined;
  readonly generation: bigint;
  /**
   * Whether somebody who wants the lease would have to wait. It may be held although its holder is
   * gone, until it has expired.
   */
  readonly type: "held" | "expired" | "released";
  /** Undefined where the store does not tell its clock, and when nobody holds it. */
  readonly expiresInMs: number | undefined;
  readonly ttlMs: number | undefined;
  /** When it was put last, by the store's clock. */
  readonly renewedAtMs: number;
}

/** Undefined when there never was a lease. */
export async function inspectLease(
  options: InspectLeaseOptions,
): Promise<LeaseInspection | undefined> {
  const settings = patient({ ...options, owner: "" });
  const found = await new LeaseObject(settings).read(options.signal);
  return found === undefined ? undefined : toInspection(found, new ExpiryJudge(settings));
}

/**
 * Gives what the record was; undefined when there was nobody to take it from. The next holder can
 * have it after a few seconds.
 */
export async function breakLease(options: BreakLeaseOptions): Promise<LeaseInspection | undefined> {
  const settings = patient(options);
  const object = new LeaseObject(settings);
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted();
    const found = await object.read(options.signal);
    if (found === undefined || found.record.released) return undefined;
    const generation = found.record.generation + 1n;
    const { type } = await object.put({ generation, released: false }, found.version);
    if (type === "written") return toInspection(found, new ExpiryJudge(settings));
    if (attempt < ATTEMPTS_MAX) continue;
    const { key } = settings;
    const message = `the lease ${key} changes faster than it can be broken; try again`;
    throw new LeaseError("LEASE_HELD", message, { key });
  }
}

/** A record that breaks a lease expires as soon as can be, which is no reason to be in a hurry. */
function patient(options: BreakLeaseOptions): Settings {
  const settings = toSettings({ ...options, ttlMs: TTL_MS_MIN });
  return { ...settings, requestTimeoutMs: LOOK_TIMEOUT_MS };
}

function toInspection(found: Observed, judge: ExpiryJudge): LeaseInspection {
  const { record, lastModifiedMs: renewedAtMs } = found;
  const { owner, generation, ttlMs } = record;
  const common = { owner, generation, ttlMs, renewedAtMs };
  if (record.released) return { ...common, type: "released", expiresInMs: undefined };
  const verdict = judge.judge(found);
  if (verdict.type === "free") return { ...common, type: "expired", expiresInMs: undefined };
  return { ...common, type: "held", expiresInMs: verdict.holder.expiresInMs };
}
