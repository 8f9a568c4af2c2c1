/**
 * Worker threads of tests.
 */

import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";
import type { BankThreadData, BankThreadResult } from "./bank-thread.ts";

const EXEC_ARGV = ["--conditions=@headwater/source", "--no-warnings"];

/** A thread that runs a script beside this file. It ends with the test. */
export function startThread(script: string, workerData: unknown): Worker {
  const worker = new Worker(new URL(script, import.meta.url), { workerData, execArgv: EXEC_ARGV });
  onTestFinished(async () => {
    await worker.terminate();
  });
  return worker;
}

/** The first message of a thread; rejects when it ends without. */
export function messageOf<Message>(worker: Worker): Promise<Message> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the thread ended without a message")));
  });
}

export interface BankThreads {
  /** Those that have opened the database. */
  readonly openedCount: number;
  /** Tells all of them to stop; what they did. */
  stop(): Promise<BankThreadResult[]>;
}

export function startBankThreads(
  threads: readonly (readonly [role: BankThreadData["role"], filename: string])[],
): BankThreads {
  const stop = new Int32Array(new SharedArrayBuffer(8));
  const results = threads.map(([role, filename], index) => {
    const data: BankThreadData = { role, filename, stop, seed: index + 1 };
    return messageOf<BankThreadResult>(startThread("./bank-thread.ts", data));
  });
  return {
    get openedCount() {
      return Atomics.load(stop, 1);
    },
    stop() {
      Atomics.store(stop, 0, 1);
      return Promise.all(results);
    },
  };
}
