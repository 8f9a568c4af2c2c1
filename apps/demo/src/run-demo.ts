/**
 * The demo from beginning to end: whatever happens, it tidies up and ends with one sentence.
 */

import { conduct } from "./conduct.ts";
import { DemoError } from "./demo-error.ts";
import { DemoPlace } from "./demo-place.ts";
import { RoleProcess } from "./role-process.ts";
import { Screen } from "./screen.ts";

export interface DemoOptions {
  readonly url?: string;
  readonly keep: boolean;
}

/** Gives back the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const startedAt = performance.now();
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort(new DemoError("The demo was interrupted."));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);
  const screen = new Screen(process.stdout);
  let place: DemoPlace | undefined;
  try {
    place = await DemoPlace.create(options);
    screen.begin(place.shownUrl);
    await conduct(place, screen, interrupt.signal);
    const stored = await place.tidy();
    screen.end({ ...stored, kept: options.keep, seconds: (performance.now() - startedAt) / 1000 });
    return 0;
  } catch (error) {
    await RoleProcess.stopAll();
    process.stderr.write(`\n${sentenceOf(error)}${await leftBehind(place)}\n`);
    return interrupt.signal.aborted ? 130 : 1;
  }
}

/** A second sentence if there is need for one. */
async function leftBehind(place: DemoPlace | undefined): Promise<string> {
  try {
    await place?.tidy();
    return "";
  } catch {
    if (place?.mayHoldData !== true) return "";
    return ` What it wrote to ${place.shownUrl} could not be removed.`;
  }
}

function sentenceOf(error: unknown): string {
  const { message } = error as Error;
  if (error instanceof DemoError) return message;
  return `The demo failed: ${message}`;
}
