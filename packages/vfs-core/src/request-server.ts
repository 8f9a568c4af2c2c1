/**
 * Answers what SQLite threads wait for. Each request gets exactly one answer, within its deadline,
 * whatever happens.
 */

import type { Clock } from "./clock.ts";
import { Deadlines } from "./deadlines.ts";
import { HeadwaterError } from "./errors.ts";
import type { DeviceAnswer, DeviceErrorCode, DeviceRequest, PageDevice } from "./page-device.ts";

export interface RequestServerOptions {
  readonly device: PageDevice;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly readPage: (pgno: number, seq: number) => Promise<Uint8Array>;
  /** Resolves once everything committed so far is in the bucket. */
  readonly sync: () => Promise<unknown>;
}

export class RequestServer {
  readonly #options: RequestServerOptions;
  readonly #deadlines: Deadlines;
  #isOpen = true;

  constructor(options: RequestServerOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock);
  }

  serve(request: DeviceRequest): void {
    switch (request.type) {
      case "read":
        this.#serveRead(request.id, request.pgno, request.seq);
        return;
      case "sync":
        this.#options.sync().then(
          () => this.#answer(request.id, { type: "done" }),
          (error: unknown) => this.#answer(request.id, toAnswer(error, "SYNC_FAILED")),
        );
        return;
    }
  }

  /** The device answers by itself from now on. */
  close(): void {
    this.#isOpen = false;
  }

  #serveRead(id: number, pgno: number, seq: number): void {
    const { timeoutMs, readPage } = this.#options;
    let isAnswered = false;
    const answer = (result: DeviceAnswer) => {
      if (isAnswered) return;
      isAnswered = true;
      cancel();
      this.#answer(id, result);
    };
    const cancel = this.#deadlines.set(timeoutMs, () => {
      const message = `page ${pgno} did not come within ${timeoutMs} ms`;
      answer(toAnswer(new HeadwaterError("TIMEOUT", message), "READ_FAILED"));
    });
    readPage(pgno, seq).then(
      (page) => answer({ type: "page", page }),
      (error: unknown) => answer(toAnswer(error, "READ_FAILED")),
    );
  }

  #answer(id: number, answer: DeviceAnswer): void {
    if (this.#isOpen) this.#options.device.answer(id, answer);
  }
}

function toAnswer(error: unknown, otherwise: DeviceErrorCode): DeviceAnswer {
  const message = error instanceof Error ? error.message : String(error);
  return { type: "error", code: codeOf(error, otherwise), message };
}

function codeOf(error: unknown, otherwise: DeviceErrorCode): DeviceErrorCode {
  if (
    otherwise === "READ_FAILED" &&
    HeadwaterError.is(error, "REPLICA_DAMAGED", "PAGE_NOT_FOUND")
  ) {
    return "CORRUPT";
  }
  return HeadwaterError.is(error, "CLOSED") ? "CLOSED" : otherwise;
}
