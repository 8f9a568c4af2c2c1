/**
 * The engine's thread: one per process, started by the first thread that mounts something.
 *
 * It answers page requests from SQLite threads and calls from any thread, and never runs SQL.
 */

import { BroadcastChannel, parentPort, workerData } from "node:worker_threads";
import { setCodec } from "@headwater/ltx";
import { untilAborted } from "@headwater/object-store";
import {
  HeadwaterError,
  type Mount,
  type MountEvent,
  type PromoteOptions,
} from "@headwater/vfs-core";
import { binaryId, native } from "../native.ts";
import { nativeCodec } from "../native-codec.ts";
import type { SeenAfter } from "../seeing/channels.ts";
import { closeWriters, type Writer } from "./close-writers.ts";
import { useCompileCache } from "./compile-cache.ts";
import type { EngineMountOptions } from "./engine-mount-options.ts";
import { makeEngineRequests } from "./engine-requests.ts";
import { toErrorData } from "./error-data.ts";
import { giveBackMemory } from "./give-back-memory.ts";
import {
  type CallMessage,
  type Calls,
  type CancelMessage,
  channelName,
  type EngineWorkerData,
  type MountedAs,
  type MountRef,
  type ToCaller,
  type ToEngine,
} from "./messages.ts";
import { dispatchRequests, type NativeDevice } from "./native-device.ts";
import { claimPast, forgetPasts, leavePast } from "./past-claims.ts";
import { SeenOutbox } from "./seen-outbox.ts";
import { type StartedMount, startMount } from "./start-mount.ts";

/** Who has called, as far as the engine is concerned. */
interface Caller {
  readonly caller: string;
  /** Undefined for what a SQLite thread asks. */
  readonly call?: string | undefined;
  readonly signal: AbortSignal;
  readonly answer: (message: ToCaller) => void;
}

interface NumberedOptions extends EngineMountOptions {
  readonly number: number;
}

/** The thread that is told what it wants of a mount. */
interface Watcher {
  readonly caller: string;
  readonly wanted: SharedArrayBuffer;
  readonly answer: (message: ToCaller) => void;
}

interface OpenSlot {
  readonly mount: StartedMount;
  readonly options: NumberedOptions;
  readonly call: string | undefined;
}

type MountSlot =
  | {
      readonly state: "opening";
      readonly options: NumberedOptions;
      readonly signal: AbortSignal;
      /** Ends the opening; resolves when nothing of it is left, or when it was too late. */
      readonly end: () => Promise<void>;
    }
  | ({ readonly state: "open" } & OpenSlot)
  | ({ readonly state: "closing"; readonly done: Promise<void> } & OpenSlot);

const devices = new Map<number, NativeDevice>();
const slots = new Map<string, MountSlot>();
/** By the number of the mount: tells what happened before its opener knew the number. */
const earlyEvents = new Map<number, () => void>();
/** By the number of the mount, until it is closed. */
const outboxes = new Map<number, SeenOutbox>();
/** Whether or not they write yet. */
const promoting = new Set<Mount>();
const running = new Map<string, AbortController>();
const channel = new BroadcastChannel(channelName(binaryId));
const starter = parentPort!;
const start = workerData as EngineWorkerData;
/** Mounts of other engines in this process have numbers of theirs. */
let lastNumber = 0;

function claimName({ name, unique }: EngineMountOptions): string {
  if (!slots.has(name)) return name;
  if (!unique) {
    throw new HeadwaterError("OPTION_INVALID", `a database named "${name}" is mounted already`);
  }
  for (let i = 2; ; i += 1) {
    if (!slots.has(`${name}~${i}`)) return `${name}~${i}`;
  }
}

/** Waits for a mount of this name that is being ended; its opener may have heard that it has. */
async function untilFree(name: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const slot = slots.get(name);
    let ended: Promise<void> | undefined;
    if (slot?.state === "closing") ended = slot.done;
    else if (slot?.state === "opening" && slot.signal.aborted) ended = slot.end();
    if (ended === undefined) return;
    await untilAborted(
      ended.catch(() => {}),
      signal,
    );
  }
}

async function mount(
  options: EngineMountOptions,
  { call, signal, answer }: Caller,
  watcher: Watcher,
): Promise<MountedAs> {
  await untilFree(options.name, signal);
  const name = claimName(options);
  lastNumber += 1;
  const number = lastNumber;
  const early: MountEvent[] = [];
  const post = (event: MountEvent): void => answer({ type: "event", number, event });
  earlyEvents.set(number, () => {
    earlyEvents.delete(number);
    for (const event of early) post(event);
  });
  const onEvent = (event: MountEvent): void => {
    if (earlyEvents.has(number)) early.push(event);
    else post(event);
  };
  const exit = new AbortController();
  const observer = openOutbox(number, watcher);
  const run = { signal: AbortSignal.any([signal, exit.signal]), onEvent, observer };
  const named = { ...options, name, number };
  const opening = startMount(named, devices, run).then(
    (opened) => {
      slots.set(name, { state: "open", mount: opened, options: named, call });
      return opened;
    },
    (error: unknown) => {
      slots.delete(name);
      closeOutbox(number);
      earlyEvents.delete(number);
      throw error;
    },
  );
  const end = (): Promise<void> => {
    exit.abort(new HeadwaterError("CLOSED", "the process ends"));
    return opening.then(
      () => {},
      () => {},
    );
  };
  slots.set(name, { state: "opening", options: named, signal, end });
  const { counters, provider, device } = await opening;
  if (signal.aborted) {
    await close(name);
    throw signal.reason;
  }
  return { name, number, counters, provider, device };
}

function openOutbox(number: number, { caller, wanted, answer }: Watcher): SeenOutbox {
  const post = (batch: readonly SeenAfter[]) => answer({ type: "seen", caller, number, batch });
  const outbox = new SeenOutbox({ wanted, post });
  outboxes.set(number, outbox);
  return outbox;
}

function closeOutbox(number: number): void {
  outboxes.get(number)?.end();
  outboxes.delete(number);
}

/** With a number it is that mount, and none that has taken its name. */
function openSlotNamed(name: string, number?: number): OpenSlot {
  const slot = slots.get(name);
  const isIt = number === undefined || number === slot?.options.number;
  if (slot?.state === "open" && isIt) return slot;
  throw new HeadwaterError("CLOSED", `"${name}" is not mounted; open it again`);
}

function openMountNamed(name: string): Mount {
  return openSlotNamed(name).mount;
}

function openMountOf({ name, number }: MountRef): Mount {
  return openSlotNamed(name, number).mount;
}

async function close(name: string): Promise<void> {
  const slot = slots.get(name);
  if (slot?.state === "closing") return slot.done;
  const { mount, options, call } = openSlotNamed(name);
  const done = mount.close().finally(() => {
    slots.delete(name);
    forgetPasts(mount);
    closeOutbox(options.number);
  });
  slots.set(name, { state: "closing", mount, options, call, done });
  return done;
}

/** Nothing to do for one that `closeWriters` has closed, in a program that then went on. */
async function closeHandle({ name, number }: MountRef): Promise<void> {
  if (slots.get(name)?.options.number === number) await close(name);
}

/** A lease may be taken by any of them. */
function openWriters(): Writer[] {
  return [...slots.values()].flatMap((slot): Writer[] => {
    const { options } = slot;
    if (slot.state === "opening") {
      if (options.mode === "read") return [];
      return [{ mount: undefined, options, close: () => closeOpening(slot) }];
    }
    const { mount } = slot;
    if (mount.mode === "read" && !promoting.has(mount)) return [];
    return [{ mount, options, close: () => close(mount.name) }];
  });
}

async function closeOpening({ options, end }: MountSlot & { state: "opening" }): Promise<void> {
  await end();
  if (slots.has(options.name)) await close(options.name);
}

async function promote(mount: Mount, options: PromoteOptions): Promise<void> {
  promoting.add(mount);
  try {
    await mount.promote(options);
  } finally {
    promoting.delete(mount);
  }
}

type Handlers = {
  readonly [Name in keyof Calls]: (
    caller: Caller,
    ...args: Parameters<Calls[Name]>
  ) => Promise<ReturnType<Calls[Name]>>;
};

const handlers: Handlers = {
  mount: (caller, options, wanted) => mount(options, caller, { ...caller, wanted }),
  async flush({ signal }, mounted) {
    const txid = await openMountOf(mounted).flush({ signal });
    return { txid: txid.toString() };
  },
  async waitForTxid({ signal }, mounted, txid) {
    await openMountOf(mounted).waitForTxid(BigInt(txid), { signal });
    return undefined;
  },
  async hydrated({ signal }, mounted) {
    await openMountOf(mounted).hydrated({ signal });
    return undefined;
  },
  resizeCache: (_caller, mounted, cacheBytes) => openMountOf(mounted).resizeCache(cacheBytes),
  async promote({ signal }, mounted, waitMs) {
    await promote(openMountOf(mounted), { signal, waitMs });
    return undefined;
  },
  async demote({ signal }, mounted) {
    await openMountOf(mounted).demote({ signal });
    return undefined;
  },
  status: async (_caller, mounted) => openMountOf(mounted).status(),
  at: ({ signal }, mounted, moment) => claimPast(openMountOf(mounted), moment, signal),
  async leavePast(_caller, number) {
    await leavePast(number);
    return undefined;
  },
  async close(_caller, mounted) {
    await closeHandle(mounted);
    return undefined;
  },
};

const requests = makeEngineRequests(native, {
  async mount(options, onEvent, signal) {
    const answer = (message: ToCaller) => {
      if (message.type === "event") onEvent(message.event);
    };
    const { caller, wanted } = start;
    const toStarter = (message: ToCaller) => starter.postMessage(message);
    const watcher = { caller, wanted, answer: toStarter };
    const { name, number, device } = await mount(options, { caller, signal, answer }, watcher);
    earlyEvents.get(number)?.();
    return { name, number: device };
  },
  isOpen: (name) => slots.get(name)?.state === "open",
  isWriting: (name) => openMountNamed(name).mode === "write",
  close,
  promote: async (name) => promote(openMountNamed(name), { waitMs: 0 }),
  demote: async (name) => openMountNamed(name).demote(),
});

async function answerCall(message: CallMessage, answer: Caller["answer"]): Promise<void> {
  const { caller, id, name, args } = message;
  const call = callKey(message);
  const controller = new AbortController();
  running.set(call, controller);
  let reply: ToCaller;
  try {
    const handler = handlers[name] as (c: Caller, ...a: unknown[]) => Promise<unknown>;
    const value = await handler({ caller, call, signal: controller.signal, answer }, ...args);
    reply = { type: "value", caller, id, value };
  } catch (error) {
    reply = { type: "error", caller, id, error: toErrorData(error) };
  } finally {
    running.delete(call);
  }
  answer(reply);
  if (reply.type === "value" && name === "mount") {
    earlyEvents.get((reply.value as MountedAs).number)?.();
  }
}

function hear(message: ToEngine | ToCaller, answer: Caller["answer"]): void {
  if (message.type === "call") void answerCall(message, answer);
  else if (message.type === "saw") outboxes.get(message.number)?.saw();
  else if (message.type === "exit") void closeWriters(openWriters(), message.gate);
  else if (message.type === "cancel") cancel(callKey(message));
}

/** A mount whose answer was on its way is closed: nobody else knows of it. */
function cancel(call: string): void {
  const controller = running.get(call);
  controller?.abort(new DOMException("This operation was aborted", "AbortError"));
  for (const slot of slots.values()) {
    if (slot.state === "open" && slot.call === call) close(slot.mount.name).catch(() => {});
  }
}

function callKey({ caller, id }: CallMessage | CancelMessage): string {
  return `${caller}/${id}`;
}

useCompileCache(start.compileCache);
setCodec(nativeCodec);
giveBackMemory();
native.engineStart(() => dispatchRequests(native, devices, requests));
lastNumber = native.engineNumber() * 2 ** 32;

starter.on("message", (message: ToEngine) => {
  hear(message, (answer) => starter.postMessage(answer));
});
channel.onmessage = (event) => {
  const message = (event as { data: ToEngine | ToCaller }).data;
  hear(message, (answer) => channel.postMessage(answer));
};
starter.postMessage({ type: "ready" } satisfies ToCaller);
