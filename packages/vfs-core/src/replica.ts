/**
 * One replica: its store, where its objects lie, and how it is called in messages.
 */

import {
  metered,
  type ObjectMeta,
  type ObjectStore,
  ObjectStoreError,
  redactUrl,
} from "@headwater/object-store";
import type { Clock } from "./clock.ts";
import { explainStoreFailure, HeadwaterError } from "./errors.ts";
import type { LtxFile } from "./ltx-file.ts";
import { type ReplicaLayout, replicaLayout } from "./replica-layout.ts";
import type { Purpose } from "./seeing/purpose.ts";
import { Seeing } from "./seeing/seeing.ts";

export interface Replica {
  readonly store: ObjectStore;
  readonly layout: ReplicaLayout;
  /** The URL without secrets. */
  readonly name: string;
  readonly clock: Clock;
  readonly seeing: Seeing;
  /** What all requests by this are for; undefined: whoever fetches pages tells for each. */
  readonly purpose: Purpose | undefined;
}

export interface ReplicaOptions {
  readonly store: ObjectStore;
  /** Where in the store the replica lies. */
  readonly path: string;
  readonly url: string;
  readonly clock: Clock;
  /** Undefined: nobody looks. */
  readonly seeing?: Seeing | undefined;
}

export function makeReplica({ store, path, url, clock, ...options }: ReplicaOptions): Replica {
  const name = redactUrl(url);
  const { seeing = new Seeing({ name, clock }) } = options;
  const layout = replicaLayout(store.keyLayout, path);
  const opening = metered(store, seeing.meter("open"));
  return { store: opening, layout, name, clock, seeing, purpose: undefined };
}

/** The same replica, whose requests count for that from now on. */
export function forPurpose(replica: Replica, purpose: Purpose): Replica {
  const { store, seeing } = replica;
  return { ...replica, purpose, store: metered(store, seeing.meter(purpose)) };
}

/** Which replica of which store, for files on local disk that are of use for no other. */
export function replicaPlace({ store, layout, name }: Replica): string {
  return JSON.stringify([store.place ?? name, store.keyLayout, layout.levelsPrefix]);
}

/** Runs a call of the store; what it rejects with becomes one of our errors. */
export async function callStore<Result>(
  replica: Replica,
  call: () => Promise<Result>,
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw explainStoreFailure(replica.name, error);
  }
}

export function replicaError(
  replica: Replica,
  code: ConstructorParameters<typeof HeadwaterError>[0],
  sentence: string,
  cause?: unknown,
): HeadwaterError {
  return new HeadwaterError(code, `${replica.name}: ${sentence}`, { cause });
}

/** For an object that is there, but is not the one that was listed: that one is gone. */
export function goneError({ store }: Replica, file: LtxFile, size: number): ObjectStoreError {
  const what =
    size === file.size ? "was replaced" : `has ${size} bytes, not ${file.size} as listed`;
  const message = `${file.key} ${what}`;
  const { key } = file;
  return new ObjectStoreError("OBJECT_NOT_FOUND", message, {
    store: store.name,
    operation: "get",
    key,
  });
}

/** Whether what has come is of the object that the file is. */
export function isObject({ size, version }: LtxFile, meta: ObjectMeta): boolean {
  return meta.size === size && (version === undefined || meta.version === version);
}

/** Whether a file that was listed is there no more. */
export function isGone(error: unknown): boolean {
  return ObjectStoreError.is(error, "OBJECT_NOT_FOUND", "RANGE_UNSATISFIABLE");
}
