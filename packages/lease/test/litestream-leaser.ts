/**
 * A participant with the rules of Litestream's `s3/leaser.go`, for tests of living together.
 *
 * Always true, as there: expiry is judged by its own clock, the generation is one more than that of
 * the record it found, and a release deletes the object.
 */

import { type ObjectStore, ObjectStoreError, type PutCondition } from "@headwater/object-store";

export interface LitestreamLease {
  readonly generation: number;
  readonly expiresAtMs: number;
  readonly version: string;
}

export interface LitestreamLeaserOptions {
  readonly store: ObjectStore;
  readonly key: string;
  readonly ttlMs: number;
  /** Left out of the record if empty. */
  readonly owner: string;
  readonly nowMs: () => number;
  /** Offset of its local time zone. */
  readonly zoneMinutes?: number;
}

/** What it says when the lease is another's: `LeaseExistsError` and `ErrLeaseNotHeld` there. */
export class LitestreamRefusal extends Error {}

export class LitestreamLeaser {
  readonly #options: LitestreamLeaserOptions;

  constructor(options: LitestreamLeaserOptions) {
    this.#options = options;
  }

  async acquire(): Promise<LitestreamLease> {
    const found = await this.#read();
    if (found === undefined) return this.#write(1, undefined);
    if (this.#options.nowMs() <= found.expiresAtMs) {
      throw new LitestreamRefusal(`lease already held by ${found.owner}`);
    }
    return this.#write(found.generation + 1, found.version);
  }

  renew({ generation, version }: LitestreamLease): Promise<LitestreamLease> {
    return this.#write(generation, version);
  }

  async release({ version }: LitestreamLease): Promise<void> {
    const { store, key } = this.#options;
    await store.delete(key, { condition: { type: "if-version", version } });
  }

  async #read() {
    const { store, key } = this.#options;
    try {
      const { meta, body } = await store.get(key);
      const json = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>;
      const expiresAtMs = Date.parse(parseGoTime(String(json.expires_at)));
      const { owner = "" } = json as { owner?: string };
      return { generation: Number(json.generation), expiresAtMs, owner, version: meta.version };
    } catch (error) {
      if (ObjectStoreError.is(error, "OBJECT_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  async #write(generation: number, version: string | undefined): Promise<LitestreamLease> {
    const { store, key, ttlMs, owner, nowMs, zoneMinutes = 0 } = this.#options;
    const expiresAtMs = nowMs() + ttlMs;
    const condition: PutCondition =
      version === undefined ? { type: "if-absent" } : { type: "if-version", version };
    const json = marshal({ generation, expiresAtMs, owner, zoneMinutes });
    const options = { condition, contentType: "application/json" };
    try {
      const meta = await store.put(key, new TextEncoder().encode(json), options);
      return { generation, expiresAtMs, version: meta.version };
    } catch (error) {
      if (ObjectStoreError.is(error, "OBJECT_EXISTS", "OBJECT_CHANGED")) {
        throw new LitestreamRefusal("lease not held", { cause: error });
      }
      throw error;
    }
  }
}

interface Fields {
  readonly generation: number;
  readonly expiresAtMs: number;
  readonly owner: string;
  readonly zoneMinutes: number;
}

/** As Go's `json.Marshal` writes the record: fields in this order, no spaces, no empty owner. */
export function marshal({ generation, expiresAtMs, owner, zoneMinutes }: Fields): string {
  const owned = owner === "" ? "" : `,"owner":${JSON.stringify(owner)}`;
  return `{"generation":${generation},"expires_at":"${goTime(expiresAtMs, zoneMinutes)}"${owned}}`;
}

/** RFC3339Nano: the zone of the machine, and a fraction without trailing zeros. */
export function goTime(ms: number, zoneMinutes: number): string {
  const local = new Date(ms + zoneMinutes * 60_000).toISOString().slice(0, 19);
  // Clocks of Go have nanoseconds; those below the millisecond are made up.
  const nanoseconds = (Math.floor(ms) % 1000) * 1_000_000 + 456_700;
  const fraction = String(nanoseconds).padStart(9, "0").replace(/0+$/, "");
  if (zoneMinutes === 0) return `${local}.${fraction}Z`;
  const [hours, minutes] = [Math.trunc(Math.abs(zoneMinutes) / 60), Math.abs(zoneMinutes) % 60];
  const zone = `${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`;
  return `${local}.${fraction}${zoneMinutes < 0 ? "-" : "+"}${zone}`;
}

/** Go's `time.Time` takes RFC 3339 and nothing else. */
function parseGoTime(text: string): string {
  const pattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
  if (pattern.test(text)) return text.replace(/(\.\d{3})\d+/, "$1");
  throw new Error(`parsing time "${text}": not RFC 3339`);
}
