/**
 * An object of S3 that comes in parts: its multipart upload.
 *
 * Always true:
 *   - One step is one request.
 *   - The condition goes with the last request, which is where S3 judges it.
 *   - An answer to the last one without an ETag is no success: S3 begins it before it knows how the
 *     work ends. What went wrong may come after a status of 200, and is an error too.
 */

import type { UploadedParts, UploadSteps } from "../held-upload.ts";
import type { HttpAnswer } from "../http-client.ts";
import type {
  CallOptions,
  ObjectMeta,
  PutCondition,
  UploadOperation,
  UploadOptions,
} from "../object-store.ts";
import { completedETagOf, emptyAnswer, uploadIdOf } from "./s3-answers.ts";
import type { S3Client } from "./s3-client.ts";
import type { S3StoreOptions } from "./s3-options.ts";
import {
  abortUploadRequest,
  completeUploadRequest,
  openUploadRequest,
  putPartRequest,
  type UploadTarget,
} from "./s3-requests.ts";

/** What the store lends to its uploads. */
export interface S3UploadStore {
  readonly client: S3Client;
  readonly options: S3StoreOptions;
  /** Sends when it is its turn; explains what goes wrong. */
  readonly send: <Result>(
    operation: UploadOperation,
    options: CallOptions,
    work: () => Promise<Result>,
  ) => Promise<Result>;
  /** Rejects what is no answer of S3. */
  readonly expectS3: (operation: UploadOperation, answer: HttpAnswer) => void;
  readonly toMeta: (size: number, answer: HttpAnswer) => ObjectMeta;
}

export interface S3UploadOptions {
  readonly key: string;
  readonly partSize: number;
  readonly partsParallel: number;
  readonly upload: UploadOptions;
}

/** Begins one. */
export async function openS3Upload(
  store: S3UploadStore,
  options: S3UploadOptions,
): Promise<UploadSteps> {
  const { key, upload } = options;
  const request = openUploadRequest(key, upload, store.options);
  const answer = await store.client.send(request, upload);
  store.expectS3("openUpload", answer);
  const { encryption } = store.options;
  return new S3Upload(store, options, { key, uploadId: uploadIdOf(answer), encryption });
}

class S3Upload implements UploadSteps {
  readonly partSize: number;
  readonly partsParallel: number;
  readonly #store: S3UploadStore;
  readonly #condition: PutCondition;
  readonly #target: UploadTarget;
  readonly #etags: string[] = [];

  constructor(store: S3UploadStore, options: S3UploadOptions, target: UploadTarget) {
    this.partSize = options.partSize;
    this.partsParallel = options.partsParallel;
    this.#store = store;
    this.#condition = options.upload.condition;
    this.#target = target;
  }

  putPart(index: number, body: Uint8Array, options: CallOptions): Promise<void> {
    const { client, expectS3, send } = this.#store;
    return send("putPart", options, async () => {
      const request = putPartRequest(this.#target, index + 1, body);
      const answer = await client.send(request, options);
      expectS3("putPart", answer);
      const { etag } = answer.headers;
      if (etag === undefined) throw emptyAnswer("no ETag");
      this.#etags[index] = etag;
    });
  }

  complete({ count, size }: UploadedParts, options: CallOptions): Promise<ObjectMeta> {
    const { client, expectS3, send, toMeta } = this.#store;
    return send("completeUpload", options, async () => {
      const etags = this.#etags.slice(0, count);
      const request = completeUploadRequest(this.#target, etags, this.#condition);
      const answer = await client.send(request, options);
      expectS3("completeUpload", answer);
      const etag = completedETagOf(answer);
      return toMeta(size, { ...answer, headers: { ...answer.headers, etag } });
    });
  }

  abort(options: CallOptions): Promise<void> {
    const { client, send } = this.#store;
    return send("abortUpload", options, async () => {
      try {
        await client.send(abortUploadRequest(this.#target), options);
      } catch (error) {
        // It has ended, with an object or without.
        if ((error as Error).name !== "NoSuchUpload") throw error;
      }
    });
  }
}
