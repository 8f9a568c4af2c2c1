/**
 * The end of the process: what was not closed is closed then, as far as time allows.
 *
 * "exit" runs before the worker threads are joined, and nothing asynchronous runs after it on this
 * thread; so this thread stands still while the engine's uploads and gives leases back.
 */

import { writeSync } from "node:fs";
import { native } from "../native.ts";
import { ExitGate } from "./exit-gate.ts";
import type { ExitMessage } from "./messages.ts";

const STDERR = 2;

/** Closes every mount that writes, and says on stderr what could not be uploaded. */
export function syncAtExit(postToEngine: (message: ExitMessage) => void): void {
  if (!native.engineAlive()) return;
  const gate = new ExitGate();
  postToEngine({ type: "exit", gate: gate.buffer });
  for (const sentence of gate.wait()) say(`headwater: ${sentence}\n`);
}

function say(line: string): void {
  try {
    writeSync(STDERR, line);
  } catch {
    // There is nobody left to tell.
  }
}
