/**
 * An object of GCS that comes in parts: a resumable upload, which is one stream in pieces.
 *
 * Always true:
 *   - Parts go one after another, and each continues where the store says that it is. After a
 *     failure that is asked first, so a part that is sent again takes up where it broke off.
 *   - A part that is no multiple of what GCS wants is the last, and is kept for the last request:
 *     the one that makes the object.
 *   - The condition goes with the first request; the store judges it then and at the end.
 */

import type { UploadedParts, UploadSteps } from "../held-upload.ts";
import { GCS_PIECE_BYTES } from "../limits.ts";
import type { CallOptions, ObjectMeta, UploadOperation } from "../object-store.ts";
import type { GcsAnswer, GcsRequest } from "./gcs-http.ts";
import { pieceRequest } from "./gcs-requests.ts";

export interface GcsUploadOptions {
  /** Of the upload, with its query. */
  readonly path: string;
  readonly partSize: number;
  /** The statuses that are no failure, beside those of success; explains what goes wrong. */
  readonly send: (
    operation: UploadOperation,
    request: GcsRequest,
    options: CallOptions,
    statuses: readonly number[],
  ) => Promise<GcsAnswer>;
  /** Rejects an answer that is none of GCS. */
  readonly toMeta: (answer: GcsAnswer) => ObjectMeta;
  /** For an upload of which GCS has not what it took. */
  readonly incomplete: (operation: UploadOperation) => Error;
}

/** Go on; and what GCS answers to those who give up. */
const CONTINUE = 308;
const GIVEN_UP = [404, 410, 499];
const NOTHING = new Uint8Array(0);

export class GcsUpload implements UploadSteps {
  readonly partSize: number;
  readonly partsParallel = 1;
  readonly #options: GcsUploadOptions;
  /** Bytes that the store has; undefined after a failure, when it has to be asked. */
  #size: number | undefined = 0;
  /** The last part, and where it belongs. */
  #tail: Uint8Array = NOTHING;

  constructor(options: GcsUploadOptions) {
    this.#options = options;
    this.partSize = options.partSize;
  }

  async putPart(index: number, body: Uint8Array, options: CallOptions): Promise<void> {
    if (body.byteLength % GCS_PIECE_BYTES > 0) {
      this.#tail = body.slice();
      return;
    }
    const start = index * this.partSize;
    const end = start + body.byteLength;
    const known = this.#size ?? sizeOf(await this.#ask("putPart", options));
    for (let size = known; size < end; ) {
      if (size < start) throw this.#options.incomplete("putPart");
      const rest = body.subarray(size - start);
      const answer = await this.#send("putPart", pieceRequest(this.#path, size, rest, undefined), {
        options,
        statuses: [CONTINUE],
      });
      const reached = sizeOf(answer);
      if (reached <= size) throw this.#options.incomplete("putPart");
      size = reached;
      this.#size = size;
    }
    this.#size = Math.max(known, end);
  }

  async complete({ size: total }: UploadedParts, options: CallOptions): Promise<ObjectMeta> {
    const { incomplete, toMeta } = this.#options;
    const operation = "completeUpload";
    const offset = total - this.#tail.byteLength;
    let size = this.#size;
    if (size === undefined) {
      const answer = await this.#ask(operation, options);
      // An earlier try had done it.
      if (answer.status !== CONTINUE) return toMeta(answer);
      size = sizeOf(answer);
    }
    if (size < offset || size > total) throw incomplete(operation);
    const rest = this.#tail.subarray(size - offset);
    const request = pieceRequest(this.#path, size, rest, total);
    const answer = await this.#send(operation, request, { options, statuses: [CONTINUE] });
    if (answer.status !== CONTINUE) return toMeta(answer);
    this.#size = undefined;
    throw incomplete(operation);
  }

  async abort(options: CallOptions): Promise<void> {
    const request: GcsRequest = { method: "DELETE", path: this.#path };
    await this.#send("abortUpload", request, { options, statuses: GIVEN_UP });
  }

  get #path(): string {
    return this.#options.path;
  }

  /** How many bytes the store has, or the object, if it was made already. */
  #ask(operation: UploadOperation, options: CallOptions): Promise<GcsAnswer> {
    const request = pieceRequest(this.#path, 0, NOTHING, undefined);
    return this.#send(operation, request, { options, statuses: [CONTINUE] });
  }

  async #send(
    operation: UploadOperation,
    request: GcsRequest,
    { options, statuses }: { options: CallOptions; statuses: readonly number[] },
  ): Promise<GcsAnswer> {
    const size = this.#size;
    this.#size = undefined;
    const answer = await this.#options.send(operation, request, options, statuses);
    this.#size = size;
    return answer;
  }
}

/** `bytes=0-99`, or nothing while there is nothing. */
function sizeOf({ headers }: GcsAnswer): number {
  const [, last] = /^bytes=0-(\d+)$/.exec(headers.range ?? "") ?? [];
  return last === undefined ? 0 : Number(last) + 1;
}
