/**
 * The program's side of driven-process.ts.
 */

import { createInterface } from "node:readline";
import { resultCode } from "./result-code.ts";

export interface LineAnswer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly message: string; readonly code: string | undefined };
}

interface LineCall {
  readonly id: number;
  readonly operation: string;
  readonly args: readonly unknown[];
}

// biome-ignore lint/suspicious/noExplicitAny: the caller's arguments are JSON.
type Handlers = Readonly<Record<string, (...args: any[]) => unknown>>;

/** Calls are answered one after another. The process may end when the caller hangs up. */
export function serveLines(handlers: Handlers): void {
  let last: Promise<unknown> = Promise.resolve();
  createInterface({ input: process.stdin }).on("line", (line) => {
    const call = JSON.parse(line) as LineCall;
    last = last.then(async () => {
      const answer = await run(handlers, call);
      process.stdout.write(`${JSON.stringify(answer)}\n`);
    });
  });
}

async function run(handlers: Handlers, { id, operation, args }: LineCall): Promise<LineAnswer> {
  try {
    const handler = handlers[operation];
    if (handler === undefined) throw new TypeError(`there is no operation ${operation}`);
    return { id, value: (await handler(...args)) ?? null };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { id, error: { message, code: resultCode(error) } };
  }
}
