/**
 * What the meter of a call is told of one request: its beginning and its end, each once, and no end
 * without a beginning.
 */

import { ObjectStoreError } from "./errors.ts";
import type { CallOptions, Operation } from "./object-store.ts";

export interface CountedCall extends Pick<CallOptions, "meter"> {
  /** What the request is counted as. */
  readonly kind: Operation;
}

export class RequestCount {
  readonly #call: CountedCall;
  readonly #bytesSent: number;
  #state: "waiting" | "sent" | "ended" = "waiting";
  #bytesReceived = 0;

  constructor(call: CountedCall, bytesSent = 0) {
    this.#call = call;
    this.#bytesSent = bytesSent;
  }

  /** It is on its way. */
  start(): void {
    if (this.#state !== "waiting") return;
    this.#state = "sent";
    this.#call.meter?.sent(this.#call.kind, this.#bytesSent);
  }

  receive(bytes: number): void {
    this.#bytesReceived += bytes;
  }

  end(isFailed: boolean): void {
    if (this.#state === "sent") {
      this.#call.meter?.ended(this.#call.kind, this.#bytesReceived, isFailed);
    }
    this.#state = "ended";
  }
}

/** As opposed to an answer that says no, such as that there is no such object. */
export function isFailure(error: unknown): boolean {
  return !ObjectStoreError.is(error) || error.retry !== "never";
}
