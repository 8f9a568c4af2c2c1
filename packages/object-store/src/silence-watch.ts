/**
 * How long the other side may be silent while a request has a socket.
 *
 *   being connected                     connectMsMax, then TIMEOUT_CONNECT
 *   no byte of the answer yet           idleMsMax, then TIMEOUT_IDLE
 *   the same on a socket that was kept  after a second the other kept ones are doubted; a get has
 *                                       KEPT_ANSWER_MS_MAX, since another connection is soon made
 *   within the answer                   idleMsMax, then TIMEOUT_IDLE
 */

import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { tellFailures } from "./broken-connection.ts";
import type { KeptSockets, Moment } from "./kept-sockets.ts";
import { KEPT_ANSWER_MS_MAX, KEPT_SILENT_MS } from "./limits.ts";

export interface SilenceLimits {
  readonly connectMsMax: number;
  readonly idleMsMax: number;
}

export interface SilenceWatchOptions {
  readonly sent: ClientRequest;
  readonly kept: KeptSockets;
  readonly limits: SilenceLimits;
  readonly isTls: boolean;
  /** It reads an object: the store has nothing to do but to find it. */
  readonly isGet: boolean;
  /** The request has a connected socket. */
  readonly onSent: () => void;
}

export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  #socket: Socket | undefined;
  #ready: Moment | undefined;
  /** After the first silence on a kept socket. */
  #restMs = 0;
  #isAnswering = false;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    options.sent.once("socket", (socket) => this.#begin(socket));
  }

  /** The other side has told something. */
  hear(): void {
    const { kept, limits } = this.#options;
    if (this.#socket === undefined) return;
    kept.hear(this.#socket);
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    this.#restMs = 0;
    this.#socket.setTimeout(limits.idleMsMax);
  }

  /** There is no answer, or not all of it. */
  doubt(): void {
    if (this.#socket === undefined || this.#ready === undefined) return;
    this.#options.kept.doubt(this.#socket, this.#ready);
  }

  end(): void {
    this.#socket?.off("timeout", this.#onTimeout);
    this.#socket?.off(this.#connected, this.#onConnected);
  }

  get #connected(): "connect" | "secureConnect" {
    return this.#options.isTls ? "secureConnect" : "connect";
  }

  #begin(socket: Socket): void {
    const { kept, limits, isGet } = this.#options;
    this.#socket = socket;
    socket.on("timeout", this.#onTimeout);
    if (!kept.has(socket)) {
      tellFailures(socket, this.#connected);
      socket.setTimeout(limits.connectMsMax);
      socket.once(this.#connected, this.#onConnected);
      return;
    }
    const answerMsMax = isGet ? Math.min(limits.idleMsMax, KEPT_ANSWER_MS_MAX) : limits.idleMsMax;
    const firstMs = Math.min(answerMsMax, KEPT_SILENT_MS);
    this.#restMs = answerMsMax - firstMs;
    this.#send(socket, firstMs);
  }

  #send(socket: Socket, silentMsMax: number): void {
    this.#ready = this.#options.kept.now();
    this.#options.onSent();
    socket.setTimeout(silentMsMax);
  }

  readonly #onConnected = (): void => {
    const { kept, limits } = this.#options;
    if (this.#socket === undefined) return;
    kept.hear(this.#socket);
    this.#send(this.#socket, limits.idleMsMax);
  };

  readonly #onTimeout = (): void => {
    if (this.#restMs > 0) {
      this.doubt();
      this.#socket?.setTimeout(this.#restMs);
      this.#restMs = 0;
      return;
    }
    const code = this.#ready === undefined ? "TIMEOUT_CONNECT" : "TIMEOUT_IDLE";
    this.#options.sent.destroy(Object.assign(new Error("no answer"), { code }));
  };
}
