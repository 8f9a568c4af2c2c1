/**
 * The engine's thread: one per process, started by the first thread that mounts something.
 *
 * It answers page requests from SQLite threads and calls from any thread, and never runs SQL.
 */

import { BroadcastChannel, parentPort } from "node:worker_threads";
import { setCodec } from "@headwater/ltx";
import { HeadwaterError, type Mount, type MountEvent } from "@headwater/vfs-core";
import { extensionPath, native } from "../native.ts";
import { nativeCodec } from "../native-codec.ts";
import { closeWriters, type Writer } from "./close-writers.ts";
import type { EngineMountOptions } from "./engine-mount-options.ts";
import { toErrorData } from "./error-data.ts";
import {
  type CallMessage,
  type Calls,
  channelName,
  type MountedAs,
  type ToCaller,
  type ToEngine,
} from "./messages.ts";
import { dispatchRequests, type NativeDevice } from "./native-device.ts";
import { startMount } from "./start-mount.ts";

interface OpenSlot {
  readonly mount: Mount;
  readonly options: EngineMountOptions;
}

type MountSlot =
  | {
      readonly state: "opening";
      readonly options: EngineMountOptions;
      /** Ends the opening; resolves when nothing of it is left, or when it was too late. */
      readonly end: () => Promise<void>;
    }
  | ({ readonly state: "open" } & OpenSlot)
  | ({ readonly state: "closing"; readonly done: Promise<void> } & OpenSlot);

const devices = new Map<number, NativeDevice>();
const slots = new Map<string, MountSlot>();
/** By the number of the mount: tells what happened before its opener knew the number. */
const earlyEvents = new Map<number, () => void>();
/** Whether or not they write yet. */
const promoting = new Set<Mount>();
const running = new Map<string, AbortController>();
const channel = new BroadcastChannel(channelName(extensionPath));
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

async function mount(options: EngineMountOptions, signal: AbortSignal): Promise<MountedAs> {
  const name = claimName(options);
  lastNumber += 1;
  const number = lastNumber;
  const early: MountEvent[] = [];
  const post = (event: MountEvent): void => {
    channel.postMessage({ type: "event", number, event } satisfies ToCaller);
  };
  earlyEvents.set(number, () => {
    earlyEvents.delete(number);
    for (const event of early) post(event);
  });
  const onEvent = (event: MountEvent): void => {
    if (earlyEvents.has(number)) early.push(event);
    else post(event);
  };
  const exit = new AbortController();
  const run = { signal: AbortSignal.any([signal, exit.signal]), onEvent };
  const named = { ...options, name };
  const opening = startMount(named, devices, run).then(
    (opened) => void slots.set(name, { state: "open", mount: opened, options: named }),
    (error: unknown) => {
      slots.delete(name);
      earlyEvents.delete(number);
      throw error;
    },
  );
  const end = (): Promise<void> => {
    exit.abort(new HeadwaterError("CLOSED", "the process ends"));
    return opening.catch(() => {});
  };
  slots.set(name, { state: "opening", options: named, end });
  await opening;
  return { name, number };
}

function openSlotNamed(name: string): OpenSlot {
  const slot = slots.get(name);
  if (slot?.state === "open") return slot;
  throw new HeadwaterError("CLOSED", `"${name}" is not mounted; open it again`);
}

function openMountNamed(name: string): Mount {
  return openSlotNamed(name).mount;
}

async function close(name: string): Promise<void> {
  const slot = slots.get(name);
  if (slot?.state === "closing") return slot.done;
  const { mount, options } = openSlotNamed(name);
  const done = mount.close().finally(() => slots.delete(name));
  slots.set(name, { state: "closing", mount, options, done });
  return done;
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

type Handlers = {
  readonly [Name in keyof Calls]: (
    signal: AbortSignal,
    ...args: Parameters<Calls[Name]>
  ) => Promise<ReturnType<Calls[Name]>>;
};

const handlers: Handlers = {
  mount: (signal, options) => mount(options, signal),
  async flush(signal, name) {
    const txid = await openMountNamed(name).flush({ signal });
    return { txid: txid.toString() };
  },
  async waitForTxid(signal, name, txid) {
    await openMountNamed(name).waitForTxid(BigInt(txid), { signal });
    return undefined;
  },
  async hydrated(signal, name) {
    await openMountNamed(name).hydrated({ signal });
    return undefined;
  },
  resizeCache: (_signal, name, cacheBytes) => openMountNamed(name).resizeCache(cacheBytes),
  async promote(signal, name, waitMs) {
    const mount = openMountNamed(name);
    promoting.add(mount);
    try {
      await mount.promote({ signal, waitMs });
    } finally {
      promoting.delete(mount);
    }
    return undefined;
  },
  async demote(signal, name) {
    await openMountNamed(name).demote({ signal });
    return undefined;
  },
  status: async (_signal, name) => openMountNamed(name).status(),
  async close(_signal, name) {
    await close(name);
    return undefined;
  },
};

async function answerCall(call: CallMessage): Promise<void> {
  const { caller, id } = call;
  const controller = new AbortController();
  running.set(`${caller}/${id}`, controller);
  let reply: ToCaller;
  try {
    const handler = handlers[call.name] as (s: AbortSignal, ...a: unknown[]) => Promise<unknown>;
    const value = await handler(controller.signal, ...call.args);
    reply = { type: "value", caller, id, value };
  } catch (error) {
    reply = { type: "error", caller, id, error: toErrorData(error) };
  } finally {
    running.delete(`${caller}/${id}`);
  }
  channel.postMessage(reply);
  if (reply.type === "value" && call.name === "mount") {
    earlyEvents.get((reply.value as MountedAs).number)?.();
  }
}

channel.onmessage = (event) => {
  const message = (event as { data: ToEngine | ToCaller }).data;
  if (message.type === "call") void answerCall(message);
  else if (message.type === "exit") void closeWriters(openWriters(), message.gate);
  else if (message.type === "cancel") {
    const reason = new DOMException("This operation was aborted", "AbortError");
    running.get(`${message.caller}/${message.id}`)?.abort(reason);
  }
};

setCodec(nativeCodec);
native.engineStart(() => dispatchRequests(native, devices));
parentPort?.postMessage("ready");
