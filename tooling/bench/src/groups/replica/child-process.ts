/**
 * Runs one child to its end and gives back its samples, with the requests that they took.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { RequestTally } from "../../measurement.ts";
import type { Job, Samples, ToChild, ToParent } from "./job.ts";

const SCRIPT = join(import.meta.dirname, "child/main.ts");
/** litestream-vfs makes one request per page: a scan at a high latency takes minutes. */
const RUN_MS_MAX = 20 * 60_000;
const EXIT_MS_MAX = 60_000;

export interface ChildOptions {
  readonly job: Omit<Job, "spawnedAtMs">;
  readonly env: Readonly<Record<string, string>>;
  readonly source: boolean;
  readonly signal: AbortSignal;
  onPrepared(): Promise<void>;
  /** The requests so far. Also asked for before the child closes anything. */
  tally(): Promise<RequestTally>;
}

export interface ChildResult {
  readonly samples: Samples;
  readonly requests: RequestTally;
}

export async function runChild(options: ChildOptions): Promise<ChildResult> {
  options.signal.throwIfAborted();
  const child = start(options);
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4000);
  });
  const deadline = AbortSignal.any([options.signal, AbortSignal.timeout(RUN_MS_MAX)]);
  const stop = () => child.kill("SIGKILL");
  deadline.addEventListener("abort", stop, { once: true });
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  try {
    const result = await converse(child, options, exited);
    await expectEnd(child, exited, options.job);
    return result;
  } catch (error) {
    options.signal.throwIfAborted();
    const { contender, caseName } = options.job;
    const text = `${contender.id} failed in "${caseName}": ${messageOf(error)}\n${errors}`;
    throw new Error(text.trim(), { cause: error });
  } finally {
    deadline.removeEventListener("abort", stop);
    if (child.exitCode === null) child.kill("SIGKILL");
  }
}

function start({ job, env, source }: ChildOptions): ChildProcess {
  const spawnedAtMs = performance.timeOrigin + performance.now();
  const args = [
    ...(source ? ["--conditions=@headwater/source"] : []),
    "--no-warnings",
    SCRIPT,
    JSON.stringify({ ...job, spawnedAtMs } satisfies Job),
  ];
  // stdout is not ours to read: litestream-vfs logs there.
  return spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe", "ipc"] });
}

async function converse(
  child: ChildProcess,
  options: ChildOptions,
  exited: Promise<[number | null, NodeJS.Signals | null]>,
): Promise<ChildResult> {
  const gone = exited.then(([code, signal]): ToParent => {
    return { type: "failed", message: `it ended with ${signal ?? `code ${code}`}` };
  });
  for (;;) {
    const next = once(child, "message").then(([message]) => message as ToParent);
    const message = await Promise.race([next, gone]);
    if (message.type === "failed") throw new Error(message.message);
    if (message.type === "prepared") await options.onPrepared();
    const requests = await options.tally();
    child.send({ type: "go", requests } satisfies ToChild);
    if (message.type === "measured") return { samples: message.samples, requests };
  }
}

/** litestream-vfs may end as it likes: its Go runtime is not asked for its opinion. */
async function expectEnd(
  child: ChildProcess,
  exited: Promise<[number | null, NodeJS.Signals | null]>,
  { contender }: Pick<Job, "contender">,
): Promise<void> {
  const timer = setTimeout(() => child.kill("SIGKILL"), EXIT_MS_MAX);
  const [code, signal] = await exited;
  clearTimeout(timer);
  if (code === 0 || contender.kind === "litestream") return;
  throw new Error(`it measured, and then ended with ${signal ?? `code ${code}`}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
