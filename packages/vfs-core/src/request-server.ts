/**
 * Answers what SQLite threads wait for. Each request gets exactly one answer, within its deadline,
 * whatever happens. A COMMIT that waits for the bucket has its deadlines from the syncer, which
 * alone knows what became of it.
 */

import type { Clock } from "./clock.ts";
import { Deadlines } from "./deadlines.ts";
import { HeadwaterError } from "./errors.ts";
import { DEADLINE_LEAD_MS } from "./limits.ts";
import type {
  DeviceAnswer,
  DeviceErrorCode,
  DeviceRequest,
  Journey,
  PageDevice,
} from "./page-device.ts";

export interface RequestServerOptions {
  readonly device: PageDevice;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly readPage: (pgno: number, seq: number, signal: AbortSignal) => Promise<Uint8Array>;
  /** Resolves once everything committed so far is in the bucket. */
  readonly sync: (signal: AbortSignal) => Promise<unknown>;
  /** Resolves once the staged commit is in the bucket. Ends by itself. */
  readonly commit: (seq: number) => Promise<unknown>;
  /** Resolves once the connection has arrived, or nobody waits for it any more. */
  readonly travel: (journey: Journey, signal: AbortSignal) => Promise<unknown>;
}

interface Served {
  readonly id: number;
  /** For the message when it is late. */
  readonly what: string;
  /** What its failures are, unless they are something special. */
  readonly otherwise: DeviceErrorCode;
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
    const { readPage, sync, commit, travel } = this.#options;
    switch (request.type) {
      case "read": {
        const { id, pgno, seq } = request;
        this.#serve({ id, what: `page ${pgno} did not come`, otherwise: "READ_FAILED" }, (signal) =>
          readPage(pgno, seq, signal).then((page) => ({ type: "page", page })),
        );
        return;
      }
      case "sync": {
        const { id } = request;
        this.#serve({ id, what: "the upload did not end", otherwise: "SYNC_FAILED" }, (signal) =>
          sync(signal).then(() => ({ type: "done" })),
        );
        return;
      }
      case "travel": {
        const { id, journey } = request;
        const what = "the store did not tell which files lead to that moment";
        const served = { id, what, otherwise: "READ_FAILED" } as const;
        this.#serve(served, (signal) => travel(journey, signal).then(() => ({ type: "done" })));
        return;
      }
      case "commit": {
        const { id, seq } = request;
        commit(seq).then(
          () => this.#answer(id, { type: "done" }),
          (error: unknown) => this.#answer(id, toAnswer(error, "SYNC_FAILED")),
        );
        return;
      }
    }
  }

  /** The device answers by itself from now on. */
  close(): void {
    this.#isOpen = false;
  }

  #serve({ id, what, otherwise }: Served, work: (signal: AbortSignal) => Promise<DeviceAnswer>) {
    const { timeoutMs } = this.#options;
    const end = new AbortController();
    let isAnswered = false;
    const answer = (result: DeviceAnswer) => {
      if (isAnswered) return;
      isAnswered = true;
      cancel();
      this.#answer(id, result);
    };
    const leadMs = Math.min(DEADLINE_LEAD_MS, timeoutMs / 2);
    const cancel = this.#deadlines.set(timeoutMs - leadMs, () => {
      const late = new HeadwaterError("TIMEOUT", `${what} within ${timeoutMs} ms`);
      end.abort(late);
      answer(toAnswer(late, otherwise));
    });
    work(end.signal).then(answer, (error: unknown) => answer(toAnswer(error, otherwise)));
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
