/**
 * The process that this program is: the only file that touches it.
 */

import { hostname } from "node:os";
import { addAbortSignal } from "node:stream";
import { text } from "node:stream/consumers";
import { EXIT } from "./exit-codes.ts";

export interface Io {
  /** For results. */
  readonly out: (text: string) => void;
  /** For people who wait: progress, remarks, what went wrong. */
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether somebody looks at it. */
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** All of standard input. Rejects when the user ends the program. */
  readonly readInput: () => Promise<string>;
  /** Aborts when the user ends the program. */
  readonly signal: AbortSignal;
  /**
   * Runs what keeps this thread busy, and leaves nothing behind when it is cut short: nobody would
   * hear of a signal meanwhile, so the system ends the program at once.
   */
  readonly busy: <Result>(work: () => Result) => Result;
}

const ENDING = ["SIGINT", "SIGTERM"] as const;

/** What a program that a user has interrupted ends with, as shells do. */
export const INTERRUPTED = 130;

export function processIo(): Io {
  const end = new AbortController();
  const interrupt = (): void => {
    // Whoever asks twice does not want to wait.
    if (end.signal.aborted) process.exit(INTERRUPTED);
    end.abort(new Interruption());
  };
  for (const signal of ENDING) process.on(signal, interrupt);
  // What Node.js says of its own SQLite is no concern of whoever runs this.
  process.removeAllListeners("warning");
  process.on("warning", ({ name, message }) => {
    if (name !== "ExperimentalWarning") process.stderr.write(`${message}\n`);
  });
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // Of `headwater list ... | head`, the other side has seen enough: what goes on for ever ends.
    if (error.code === "EPIPE") return end.abort(new Interruption());
    process.stderr.write(`headwater: cannot write the result: ${error.message}\n`);
    process.exit(EXIT.failure);
  });
  // Whoever does not listen misses nothing but words.
  process.stderr.on("error", () => {});
  return {
    out: (words) => void process.stdout.write(words),
    err: (words) => void process.stderr.write(words),
    env: process.env,
    outIsTerminal: process.stdout.isTTY === true,
    errIsTerminal: process.stderr.isTTY === true,
    // Read at once, a pipe whose writer takes its time has nothing yet (EAGAIN).
    readInput: () => text(addAbortSignal(end.signal, process.stdin)),
    signal: end.signal,
    busy(work) {
      for (const signal of ENDING) process.off(signal, interrupt);
      try {
        return work();
      } finally {
        for (const signal of ENDING) process.on(signal, interrupt);
      }
    },
  };
}

/** Why calls reject after the user has ended the program. */
export class Interruption extends Error {
  constructor(sentence = "interrupted") {
    super(sentence);
    this.name = "Interruption";
  }
}

export function endWith(exitCode: number): void {
  process.exitCode = exitCode;
}

/** Who breaks a lease, for people. */
export function programOwner(): string {
  return `headwater lease break on ${hostname()}`;
}
