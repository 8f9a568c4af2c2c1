/**
 * The object that is the lease, seen by one participant: reads of it, and conditional puts whose
 * outcome is always known in the end.
 *
 * Always true:
 *   - Every put has a nonce of its own, and nonces sent are remembered. So a record that one of our
 *     puts left is known as ours, however long ago its answer got lost.
 *   - A put counts from the moment it was sent, never from its answer. By the store's clock too:
 *     its answer may be dated long after the record, so what counts is the last date before it.
 *
 * It does not repeat a put: whoever does decides whether it still wants to.
 */

import {
  type ObjectMeta,
  ObjectStoreError,
  type ObjectVersion,
  type PutCondition,
} from "@headwater/object-store";
import { isOutcomeUnknown, withTimeout } from "./attempts.ts";
import { LeaseError } from "./errors.ts";
import { decodeRecord, encodeRecord, type LeaseRecord } from "./lease-record.ts";
import { OWN_NONCES_MAX } from "./limits.ts";
import type { Settings } from "./settings.ts";

/** The record as some answer of the store showed it. */
export interface Observed {
  readonly record: LeaseRecord;
  readonly version: ObjectVersion;
  readonly lastModifiedMs: number;
  /** The store's clock at that answer, if it told. */
  readonly serverDateMs: number | undefined;
}

/** A record of ours that is, or was, in the store. */
export interface Written {
  readonly record: LeaseRecord;
  readonly version: ObjectVersion;
  readonly sent: Moment;
  /** A time of the store's clock at which the record was not there yet, or only just. */
  readonly notBeforeMs: number | undefined;
}

/** When we sent a put, by both of our clocks. The store cannot have had it any earlier. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export type PutOutcome =
  | { readonly type: "written"; readonly written: Written }
  /** Somebody else's record is there, or none although there was one. */
  | { readonly type: "refused"; readonly found: Observed | undefined }
  /** The object is as it was. A put without an answer may still arrive later. */
  | { readonly type: "unchanged" };

/** What a put says; the rest of the record is filled in when it is sent. */
export interface Claim {
  readonly generation: bigint;
  readonly released: boolean;
}

const CONTENT_TYPE = "application/json";

export class LeaseObject {
  readonly #settings: Settings;
  /** Nonce to moment of sending, of our last puts. */
  readonly #sent = new Map<string, Moment>();
  /** The last date that the store told, and our monotonic clock at that answer. */
  #storeDate: { readonly serverDateMs: number; readonly monotonicMs: number } | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The record as it is now; undefined if there is none. */
  async read(signal?: AbortSignal): Promise<Observed | undefined> {
    const { store, key } = this.#settings;
    try {
      const { meta, body } = await withTimeout(this.#settings, "get", signal, (stop) =>
        store.get(key, { signal: stop }),
      );
      const record = decodeRecord(body);
      if (typeof record === "string") {
        const next = "delete it when nobody writes there";
        const message = `the object ${key} is not a lease: ${record}; ${next}`;
        throw new LeaseError("RECORD_INVALID", message, { key });
      }
      this.#learnStoreClock(meta);
      const { version, lastModifiedMs, serverDateMs } = meta;
      return { record, version, lastModifiedMs, serverDateMs };
    } catch (error) {
      if (ObjectStoreError.is(error, "OBJECT_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  /** The same record as something that we put, if we did. */
  asOurs(found: Observed): Written | undefined {
    const { record, version, lastModifiedMs, serverDateMs } = found;
    const sent = record.nonce === undefined ? undefined : this.#sent.get(record.nonce);
    if (sent === undefined) return undefined;
    // A store that tells no dates may date its objects by any clock.
    const notBeforeMs = serverDateMs === undefined ? undefined : lastModifiedMs;
    return { record, version, sent, notBeforeMs };
  }

  /** Whether the record was put by a process that is known to be dead. */
  isLeft({ record }: Observed): boolean {
    const { nonce } = record;
    return nonce !== undefined && this.#settings.trail?.left.includes(nonce) === true;
  }

  /** Puts if the object is still as `expected`, and settles what happened by reading it back. */
  async put(claim: Claim, expected: ObjectVersion | undefined): Promise<PutOutcome> {
    const { store, key } = this.#settings;
    const condition: PutCondition =
      expected === undefined ? { type: "if-absent" } : { type: "if-version", version: expected };
    const record = this.#toRecord(claim);
    const body = encodeRecord(record);
    const sent = this.#remember(record);
    // One that was given back is free for everybody.
    if (!claim.released) this.#settings.trail?.keep([...this.#sent.keys()]);
    const notBeforeMs = this.#storeDate?.serverDateMs;
    try {
      const meta = await withTimeout(this.#settings, "put", undefined, (signal) =>
        store.put(key, body, { condition, contentType: CONTENT_TYPE, noCache: true, signal }),
      );
      this.#learnStoreClock(meta);
      const { version } = meta;
      return { type: "written", written: { record, version, sent, notBeforeMs } };
    } catch (error) {
      const isRefused = ObjectStoreError.is(error, "OBJECT_EXISTS", "OBJECT_CHANGED");
      if (!isRefused && !isOutcomeUnknown(error)) throw error;
    }
    return this.#settle(expected);
  }

  /**
   * A refusal alone says nothing: it may be our own put that is in the way, sent twice by a client
   * library, or a store that answers 409 to whoever comes second and lets neither win.
   */
  async #settle(expected: ObjectVersion | undefined): Promise<PutOutcome> {
    const found = await this.read();
    if (found?.version === expected) return { type: "unchanged" };
    const written = found === undefined ? undefined : this.asOurs(found);
    return written === undefined ? { type: "refused", found } : { type: "written", written };
  }

  #toRecord({ generation, released }: Claim): LeaseRecord {
    const { owner, ttlMs } = this.#settings;
    const expiresAtMs = released ? 0 : this.#storeNowMs() + ttlMs;
    return { generation, expiresAtMs, owner, ttlMs, nonce: this.#newNonce(), released };
  }

  #learnStoreClock({ serverDateMs }: ObjectMeta): void {
    if (serverDateMs === undefined) return;
    this.#storeDate = { serverDateMs, monotonicMs: this.#settings.clock.monotonicMs() };
  }

  /** Only Litestream and people read it, so our own clock will do if the store never told its. */
  #storeNowMs(): number {
    const { clock } = this.#settings;
    if (this.#storeDate === undefined) return clock.nowMs();
    const { serverDateMs, monotonicMs } = this.#storeDate;
    return serverDateMs + clock.monotonicMs() - monotonicMs;
  }

  #newNonce(): string {
    const word = () => Math.floor(this.#settings.random() * 0x1_0000_0000);
    return [word(), word(), word(), word()]
      .map((value) => value.toString(16).padStart(8, "0"))
      .join("");
  }

  #remember({ nonce }: LeaseRecord): Moment {
    const { clock } = this.#settings;
    const sent = { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() };
    if (nonce !== undefined) this.#sent.set(nonce, sent);
    for (const oldest of this.#sent.keys()) {
      if (this.#sent.size <= OWN_NONCES_MAX) break;
      this.#sent.delete(oldest);
    }
    return sent;
  }
}

export function unsupported(settings: Settings, problem: string): LeaseError {
  const { key, store } = settings;
  const message = `${store.name} cannot keep a lease: ${problem}`;
  return new LeaseError("STORE_UNSUPPORTED", message, { key });
}
