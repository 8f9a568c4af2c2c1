/**
 * An upload as a layer passes it on: each of its steps goes through the layer by itself, as a call
 * of its own. So no layer holds anything between two steps, and none repeats more than one.
 */

import type { CallOptions, ObjectMeta, Upload, UploadOperation } from "../object-store.ts";

export interface UploadStep<Result> {
  readonly operation: Exclude<UploadOperation, "openUpload">;
  readonly key: string;
  /** Bytes that are sent. */
  readonly byteLength: number;
  readonly options: CallOptions;
  readonly send: (options: CallOptions) => Promise<Result>;
}

export type CarryStep = <Result>(step: UploadStep<Result>) => Promise<Result>;

export function carriedUpload(inner: Upload, carry: CarryStep): Upload {
  const { key, partSize, partsParallel } = inner;
  return {
    key,
    partSize,
    partsParallel,
    putPart: (index: number, body: Uint8Array, options: CallOptions = {}): Promise<void> => {
      const send = (given: CallOptions) => inner.putPart(index, body, given);
      return carry({ operation: "putPart", key, byteLength: body.byteLength, options, send });
    },
    complete: (options: CallOptions = {}): Promise<ObjectMeta> => {
      const send = (given: CallOptions) => inner.complete(given);
      return carry({ operation: "completeUpload", key, byteLength: 0, options, send });
    },
    abort: (options: CallOptions = {}): Promise<void> => {
      const send = (given: CallOptions) => inner.abort(given);
      return carry({ operation: "abortUpload", key, byteLength: 0, options, send });
    },
  };
}
