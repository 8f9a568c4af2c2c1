/**
 * SIGTERM and SIGINT end a process on the spot, and no "exit" comes before. This makes them a clean
 * end, for programs that ask for it.
 */

import { constants } from "node:os";
import { isMainThread } from "node:worker_threads";
import { HeadwaterError } from "@headwater/vfs-core";
import { closeWritersNow } from "./engine/engine-client.ts";

/** The first process of a container. The kernel keeps from it what it does not listen to. */
const FIRST_PID = 1;

/** Listeners of this package, on any signal: what ends a process is not kept from it by these. */
const ours = new Set<NodeJS.SignalsListener>();

/**
 * When one of these signals comes, uploads what is pending, gives leases back and closes every
 * mount that writes, for `exitTimeoutMs` at the most. Then the signal does what it always did: it
 * ends the process, unless the program listens to it as well. Disposing of the result undoes it.
 */
export function closeOnSignals(
  signals: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT"],
): Disposable {
  if (!isMainThread) {
    throw new HeadwaterError("OPTION_INVALID", "signals come to the main thread only");
  }
  return listen(signals, (signal) => {
    closeWritersNow();
    if (!isHeardByProgram(signal)) endBy(signal);
  });
}

/** The same, but a program that listens to the signal itself goes on as it likes. */
export function closeWhenEndedBy(signals: readonly NodeJS.Signals[]): void {
  listen(signals, (signal) => {
    if (isHeardByProgram(signal)) return;
    closeWritersNow();
    endBy(signal);
  });
}

function listen(
  signals: readonly NodeJS.Signals[],
  onSignal: (signal: NodeJS.Signals) => void,
): Disposable {
  ours.add(onSignal);
  for (const signal of signals) process.on(signal, onSignal);
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) process.off(signal, onSignal);
      ours.delete(onSignal);
    },
  };
}

function isHeardByProgram(signal: NodeJS.Signals): boolean {
  const listeners = process.listeners(signal) as NodeJS.SignalsListener[];
  return listeners.some((listener) => !ours.has(listener));
}

function endBy(signal: NodeJS.Signals): void {
  for (const listener of ours) process.off(signal, listener);
  process.kill(process.pid, signal);
  if (process.pid === FIRST_PID) process.exit(128 + constants.signals[signal]);
}
