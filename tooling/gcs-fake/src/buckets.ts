/**
 * Buckets and the live objects in them, in memory.
 *
 * Always true:
 *   - No method waits for anything, so a check and the change after it are one step.
 *   - Generations grow, whatever the clock does, and none comes twice.
 */

import { GcsError, noSuchBucket, noSuchObject } from "./gcs-error.ts";
import {
  newResource,
  type ObjectResource,
  patchedResource,
  type SentResource,
  type WritableFields,
} from "./object-resource.ts";
import { checkPreconditions } from "./preconditions.ts";
import type { WriteRate } from "./write-rate.ts";

export interface StoredObject {
  readonly resource: ObjectResource;
  readonly bytes: Uint8Array;
}

export interface ObjectPlace {
  readonly bucket: string;
  readonly name: string;
}

export class Buckets {
  readonly #buckets = new Map<string, Map<string, StoredObject>>();
  readonly #writeRate: WriteRate;
  readonly #nowMs: () => number;
  #lastGeneration = 0n;

  constructor(writeRate: WriteRate, nowMs: () => number) {
    this.#writeRate = writeRate;
    this.#nowMs = nowMs;
  }

  create(name: string): void {
    if (this.#buckets.has(name)) {
      const options = { reason: "conflict", xmlCode: "BucketAlreadyOwnedByYou" };
      throw new GcsError(409, "You already own this bucket.", options);
    }
    this.#buckets.set(name, new Map());
  }

  names(): string[] {
    return [...this.#buckets.keys()];
  }

  objects(bucket: string): ReadonlyMap<string, StoredObject> {
    return this.#open(bucket);
  }

  find({ bucket, name }: ObjectPlace): StoredObject | undefined {
    return this.#open(bucket).get(name);
  }

  /** The live object, or the one of the generation in the query if that is the live one. */
  read(place: ObjectPlace, query: URLSearchParams): StoredObject {
    const object = this.#named(place, query);
    checkPreconditions(object.resource, query, "read");
    return object;
  }

  put(
    { bucket, name }: ObjectPlace,
    bytes: Uint8Array,
    sent: SentResource,
    query: URLSearchParams,
  ): ObjectResource {
    const objects = this.#open(bucket);
    this.#writeRate.check(bucket, name);
    checkPreconditions(objects.get(name)?.resource, query, "write");
    const generation = this.#nextGeneration();
    const nowMs = this.#nowMs();
    const resource = newResource({ bucket, name, generation, nowMs, bytes, sent });
    objects.set(name, { resource, bytes });
    this.#writeRate.count(bucket, name);
    return resource;
  }

  patch(place: ObjectPlace, patch: WritableFields, query: URLSearchParams): ObjectResource {
    const object = this.#named(place, query);
    this.#writeRate.check(place.bucket, place.name);
    checkPreconditions(object.resource, query, "write");
    const resource = patchedResource(object.resource, patch, this.#nowMs());
    this.#open(place.bucket).set(place.name, { ...object, resource });
    this.#writeRate.count(place.bucket, place.name);
    return resource;
  }

  delete(place: ObjectPlace, query: URLSearchParams): void {
    const object = this.#named(place, query);
    this.#writeRate.check(place.bucket, place.name);
    checkPreconditions(object.resource, query, "write");
    this.#open(place.bucket).delete(place.name);
    this.#writeRate.count(place.bucket, place.name);
  }

  #named(place: ObjectPlace, query: URLSearchParams): StoredObject {
    const object = this.find(place);
    const wanted = query.get("generation") ?? object?.resource.generation;
    if (object === undefined || wanted !== object.resource.generation) {
      throw noSuchObject(place.bucket, place.name);
    }
    return object;
  }

  #open(bucket: string): Map<string, StoredObject> {
    const objects = this.#buckets.get(bucket);
    if (objects === undefined) throw noSuchBucket();
    return objects;
  }

  /** Microseconds, as Google's are. */
  #nextGeneration(): string {
    const now = BigInt(this.#nowMs()) * 1000n;
    this.#lastGeneration = now > this.#lastGeneration ? now : this.#lastGeneration + 1n;
    return String(this.#lastGeneration);
  }
}
