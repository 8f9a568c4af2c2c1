/**
 * Calls to the engine from any thread, and the start of the engine by the first that needs it.
 *
 * Always true:
 *   - A call settles: with the engine's answer, with the reason of its signal, or with an error
 *     when the engine has ended.
 *   - The engine keeps no process alive; a call under way does.
 */

import { BroadcastChannel, isMainThread, SHARE_ENV, threadId, Worker } from "node:worker_threads";
import { HeadwaterError, type MountEvent } from "@headwater/vfs-core";
import { binaryId, native } from "../native.ts";
import { lookForSubscribers, publish, wanted } from "../seeing/channels.ts";
import { repeat } from "../system.ts";
import { compileCacheFolder } from "./compile-cache.ts";
import { fromErrorData } from "./error-data.ts";
import { syncAtExit } from "./exit-sync.ts";
import {
  type CallName,
  type Calls,
  channelName,
  type EngineWorkerData,
  type ToCaller,
  type ToEngine,
} from "./messages.ts";
import type { OpenedPast } from "./past-claims.ts";

/** How often a waiting caller looks whether the engine is still there. */
const LIVENESS_INTERVAL_MS = 100;
/**
 * Of the engine's thread; what it keeps for long is not of that generation. With less, requests
 * that are under way outlive it: opening a thousand files took a tenth longer with 6.
 */
const YOUNG_GENERATION_MB = 16;

interface Waiter {
  /** Number of the engine that was asked: another one knows nothing of it. */
  readonly engine: number;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Copies of this package on one thread may call one engine. */
const caller = `${threadId} ${import.meta.url}`;
const waiters = new Map<number, Waiter>();
/** Calls of `at` that were given up and not answered yet. A mount is closed by the engine. */
const givenUp = new Set<number>();
/** By the number of the mount. */
const listeners = new Map<number, (event: MountEvent) => void>();
let lastId = 0;
/** The engine, while it is one that this thread has started. */
let engine: { readonly worker: Worker; readonly number: number } | undefined;
/** The way to an engine that another thread has started. */
let channel: BroadcastChannel | undefined;
let stopLiveness: (() => void) | undefined;
let starting: Promise<void> | undefined;
/** What ended the last engine that this thread has started. */
let failure: Error | undefined;

/**
 * Makes sure that an engine runs in this process, and does `meanwhile` on this thread while the
 * engine's thread starts.
 */
export async function ensureEngine(meanwhile: () => void): Promise<void> {
  if (!native.engineAlive()) {
    starting ??= startWorker().finally(() => {
      starting = undefined;
    });
    // Told to whoever waits below; nobody does when `meanwhile` throws.
    starting.catch(() => {});
  }
  meanwhile();
  await starting;
}

function startWorker(): Promise<void> {
  const fromSource = import.meta.url.endsWith(".ts");
  const entry = new URL(fromSource ? "./engine-worker.ts" : "./engine-worker.js", import.meta.url);
  const conditions = fromSource ? ["--conditions=@headwater/source", "--no-warnings"] : [];
  return new Promise((resolve, reject) => {
    const worker = new Worker(entry, {
      name: "headwater-engine",
      env: SHARE_ENV,
      execArgv: conditions,
      // What is fetched is garbage soon, and by default tens of MiB of it may wait.
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      workerData: {
        compileCache: compileCacheFolder(),
        caller,
        wanted,
      } satisfies EngineWorkerData,
    });
    worker.on("message", (message: ToCaller) => {
      if (message.type !== "ready") {
        receive(message);
        return;
      }
      engine = { worker, number: native.engineNumber() };
      worker.unref();
      resolve();
    });
    worker.on("error", (error) => {
      failure = error;
      if (native.engineAlive()) resolve();
      else reject(error);
    });
    worker.once("exit", () => {
      if (engine?.worker === worker) engine = undefined;
      if (native.engineAlive()) resolve();
      else reject(stopped());
    });
  });
}

function stopped(): HeadwaterError {
  const why = failure === undefined ? "" : `: ${failure.message}`;
  const sentence = `the engine has stopped${why}; open the database again`;
  const options = failure === undefined ? {} : { cause: failure };
  return new HeadwaterError("ENGINE_STOPPED", sentence, options);
}

function openChannel(): BroadcastChannel {
  if (channel !== undefined) return channel;
  channel = new BroadcastChannel(channelName(binaryId));
  channel.onmessage = (event) => receive((event as { data: ToEngine | ToCaller }).data);
  channel.unref();
  return channel;
}

function postToEngine(message: ToEngine): void {
  const way = engine?.number === native.engineNumber() ? engine.worker : openChannel();
  way.postMessage(message);
}

function receive(message: ToEngine | ToCaller): void {
  if (message.type === "event") listeners.get(message.number)?.(message.event);
  if (message.type === "seen" && message.caller === caller) {
    for (const seen of message.batch) publish(seen);
    // Nobody tells of the end of a subscription.
    lookForSubscribers();
    postToEngine({ type: "saw", number: message.number });
  }
  if (message.type !== "value" && message.type !== "error") return;
  if (message.caller !== caller) return;
  const waiter = take(message.id);
  const isGivenUp = givenUp.delete(message.id);
  if (message.type === "error") {
    waiter?.reject(fromErrorData(message.error));
    return;
  }
  waiter?.resolve(message.value);
  // The engine was done before it heard that nobody waits; nobody else would leave it.
  if (isGivenUp) callEngine("leavePast", [(message.value as OpenedPast).number]).catch(() => {});
}

/** Of a call that is settled. Without calls under way nothing here keeps the process alive. */
function take(id: number): Waiter | undefined {
  const waiter = waiters.get(id);
  waiters.delete(id);
  if (waiters.size === 0) {
    stopLiveness?.();
    stopLiveness = undefined;
  }
  return waiter;
}

function checkLiveness(): void {
  const number = native.engineNumber();
  if (number === 0) givenUp.clear();
  for (const [id, { engine }] of waiters) if (engine !== number) take(id)?.reject(stopped());
}

/** Told of each event of the mount, on this thread, until the function given back is called. */
export function listenTo(number: number, listener: (event: MountEvent) => void): () => void {
  listeners.set(number, listener);
  return () => listeners.delete(number);
}

/** Asks the engine; rejects with `signal.reason`, unchanged, when the signal aborts. */
export function callEngine<Name extends CallName>(
  name: Name,
  args: Parameters<Calls[Name]>,
  signal?: AbortSignal,
): Promise<ReturnType<Calls[Name]>> {
  if (signal?.aborted === true) return Promise.reject(signal.reason);
  const number = native.engineNumber();
  if (number === 0) return Promise.reject(stopped());
  lookForSubscribers();
  lastId += 1;
  const id = lastId;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      take(id);
      if (name === "at") givenUp.add(id);
      postToEngine({ type: "cancel", caller, id });
      reject(signal?.reason);
    };
    const settle = <Value>(then: (value: Value) => void) => {
      return (value: Value): void => {
        signal?.removeEventListener("abort", onAbort);
        then(value);
      };
    };
    // First, as it throws if that is no signal.
    signal?.addEventListener("abort", onAbort, { once: true });
    waiters.set(id, {
      engine: number,
      resolve: settle(resolve as (value: unknown) => void),
      reject: settle(reject),
    });
    stopLiveness ??= repeat(LIVENESS_INTERVAL_MS, checkLiveness);
    try {
      postToEngine({ type: "call", caller, id, name, args });
    } catch (error) {
      take(id)?.reject(cannotCross(error));
    }
  });
}

function cannotCross(error: unknown): HeadwaterError {
  const sentence = "an option or an argument is no plain data, which alone can go to the engine";
  const cause = { cause: error };
  return new HeadwaterError("OPTION_INVALID", `${sentence}: ${(error as Error).message}`, cause);
}

/** As `callEngine`, of what the engine that runs now has made: the next knows nothing of it. */
export function callsToThisEngine(): typeof callEngine {
  const number = native.engineNumber();
  return (name, args, signal) => {
    if (native.engineNumber() !== number) return Promise.reject(stopped());
    return callEngine(name, args, signal);
  };
}

/** Blocks this thread while the engine closes every mount that writes; see `syncAtExit`. */
export function closeWritersNow(): void {
  syncAtExit(postToEngine);
}

// In a worker, "exit" means the end of that worker only. A thread that waits for a page when the
// process ends must not hold it up.
if (isMainThread) {
  process.on("exit", () => {
    closeWritersNow();
    native.exiting();
  });
}
