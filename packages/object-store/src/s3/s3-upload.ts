/**
 * An object of S3 that comes in parts: its multipart upload.
 *
 * Always true:
 *   - One step is one request.
 *   - The condition goes with the last request, which is where S3 judges it.
 *   - An answer to the last one without an ETag is no success: S3 begins it before it knows how the
 *     work ends. What went wrong may come after a status of 200; the SDK makes an error of that.
 */

import type * as Sdk from "@aws-sdk/client-s3";
import type { UploadedParts, UploadSteps } from "../held-upload.ts";
import type { CallOptions, ObjectMeta, PutCondition, UploadOperation } from "../object-store.ts";
import type { S3Sdk } from "./s3-client.ts";
import { conditionOf, customerKeyOf, type objectFieldsOf } from "./s3-fields.ts";
import type { S3EncryptionOptions } from "./s3-options.ts";

export interface S3SendOptions {
  readonly abortSignal?: AbortSignal;
}

/** What the store lends to its uploads. */
export interface S3UploadStore {
  readonly sdk: S3Sdk;
  readonly client: Sdk.S3Client;
  readonly bucket: string;
  readonly encryption: S3EncryptionOptions | undefined;
  /** Sends when it is its turn; explains what goes wrong. */
  readonly send: <Result>(
    operation: UploadOperation,
    options: CallOptions,
    work: (send: S3SendOptions) => Promise<Result>,
  ) => Promise<Result>;
  /** Rejects what is no answer of S3. */
  readonly expectS3: (operation: UploadOperation, output: { readonly $metadata: object }) => void;
  readonly toMeta: (size: number, output: Sdk.CompleteMultipartUploadCommandOutput) => ObjectMeta;
}

export interface S3UploadOptions {
  readonly key: string;
  readonly partSize: number;
  readonly partsParallel: number;
  readonly condition: PutCondition;
  readonly fields: ReturnType<typeof objectFieldsOf>;
}

/** Begins one. */
export async function openS3Upload(
  store: S3UploadStore,
  options: S3UploadOptions,
  send: S3SendOptions,
): Promise<UploadSteps> {
  const { sdk, client, bucket } = store;
  const { key, fields } = options;
  const target = { Bucket: bucket, Key: key };
  const command = new sdk.CreateMultipartUploadCommand({ ...target, ...fields });
  const output = await client.send(command, send);
  store.expectS3("openUpload", output);
  const { UploadId: id } = output;
  if (id === undefined) throw Object.assign(new Error("no upload id"), { name: "EmptyAnswer" });
  return new S3Upload(store, options, { ...target, UploadId: id });
}

interface Target {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
}

class S3Upload implements UploadSteps {
  readonly partSize: number;
  readonly partsParallel: number;
  readonly #store: S3UploadStore;
  readonly #condition: PutCondition;
  readonly #target: Target;
  readonly #etags: (string | undefined)[] = [];

  constructor(store: S3UploadStore, options: S3UploadOptions, target: Target) {
    this.partSize = options.partSize;
    this.partsParallel = options.partsParallel;
    this.#store = store;
    this.#condition = options.condition;
    this.#target = target;
  }

  putPart(index: number, body: Uint8Array, options: CallOptions): Promise<void> {
    const { client, encryption, expectS3, sdk } = this.#store;
    return this.#store.send("putPart", options, async (send) => {
      const command = new sdk.UploadPartCommand({
        ...this.#target,
        PartNumber: index + 1,
        Body: body,
        ContentLength: body.byteLength,
        ...customerKeyOf(encryption),
      });
      const output = await client.send(command, send);
      expectS3("putPart", output);
      if (output.ETag === undefined) throw noETag();
      this.#etags[index] = output.ETag;
    });
  }

  complete({ count, size }: UploadedParts, options: CallOptions): Promise<ObjectMeta> {
    const { client, encryption, expectS3, sdk, toMeta } = this.#store;
    return this.#store.send("completeUpload", options, async (send) => {
      const Parts = this.#etags
        .slice(0, count)
        .map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
      const command = new sdk.CompleteMultipartUploadCommand({
        ...this.#target,
        MultipartUpload: { Parts },
        ...conditionOf(this.#condition),
        ...customerKeyOf(encryption),
      });
      const output = await client.send(command, send);
      expectS3("completeUpload", output);
      if (output.ETag === undefined) throw noETag();
      return toMeta(size, output);
    });
  }

  abort(options: CallOptions): Promise<void> {
    const { client, sdk } = this.#store;
    return this.#store.send("abortUpload", options, async (send) => {
      try {
        await client.send(new sdk.AbortMultipartUploadCommand(this.#target), send);
      } catch (error) {
        // It has ended, with an object or without.
        if ((error as Error).name !== "NoSuchUpload") throw error;
      }
    });
  }
}

/** As of an answer that broke off: nothing is known of what happened. */
function noETag(): Error {
  return Object.assign(new Error("no ETag"), { name: "EmptyAnswer" });
}
