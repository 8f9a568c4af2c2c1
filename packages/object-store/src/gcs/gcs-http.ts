/**
 * Requests to one host of Google's, or to an emulator.
 *
 * Not by the SDK: its uploads, listings and deletes cannot be stopped once they are on their way,
 * and a small object costs it two to five times the work (docs/decisions/0005-gcs-client.md).
 */

import { type HttpAnswer, type HttpCall, HttpClient, type HttpRequest } from "../http-client.ts";
import { GCS_CONNECT_MS_MAX, GCS_IDLE_MS_MAX, GCS_SOCKETS_MAX } from "../limits.ts";
import { type GcsStoreOptions, GOOGLE_ENDPOINT } from "./gcs-options.ts";

export type GcsRequest = HttpRequest;
export type GcsAnswer = HttpAnswer;

export class GcsHttp {
  readonly #base: URL;
  readonly #http: HttpClient;

  constructor(options: GcsStoreOptions) {
    this.#base = new URL(options.endpoint ?? GOOGLE_ENDPOINT);
    this.#http = new HttpClient(this.#base.protocol, {
      socketsMax: options.socketsMax ?? GCS_SOCKETS_MAX,
      connectMsMax: options.connectMsMax ?? GCS_CONNECT_MS_MAX,
      idleMsMax: options.idleMsMax ?? GCS_IDLE_MS_MAX,
    });
  }

  /** `host` or `host:port`, for messages. */
  get host(): string {
    return this.#base.host;
  }

  /** The whole answer, whatever its status. Rejects with what went wrong on the way. */
  send(request: GcsRequest, call: HttpCall): Promise<GcsAnswer> {
    const path = `${this.#base.pathname.replace(/\/+$/, "")}${request.path}`;
    return this.#http.send(this.#base, { ...request, path }, call);
  }

  close(): void {
    this.#http.close();
  }
}
