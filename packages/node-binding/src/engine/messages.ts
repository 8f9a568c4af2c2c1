/**
 * What travels between the threads that use mounts and the engine's thread.
 *
 * Any thread of the process may call. The one that has started the engine has a port to it; all
 * others use one BroadcastChannel per binary. What is received from such a channel comes as an
 * event of the web, whose classes Node.js loads at the first one, on either side: a start must not
 * wait for that. An answer takes the way of its call. Everything is plain data: functions and store
 * objects cannot cross.
 */

import type { PriceProvider } from "@headwater/object-store";
import type { Moment, MountEvent, MountStatus } from "@headwater/vfs-core";
import type { SeenAfter } from "../seeing/channels.ts";
import type { EngineMountOptions } from "./engine-mount-options.ts";
import type { OpenedPast } from "./past-claims.ts";

/** A name may be used again when its mount is closed; the number never is, in one process. */
export interface MountedAs {
  readonly name: string;
  readonly number: number;
  /** See `Mount.counters`. */
  readonly counters: SharedArrayBuffer;
  /** Its number in native code. */
  readonly device: number;
  readonly provider: PriceProvider | undefined;
}

/** Which mount a handle is of; another one may have its name by now. */
export type MountRef = Pick<MountedAs, "name" | "number">;

/** What can be asked of the engine, with arguments and result. */
export interface Calls {
  /** `wanted`: what the calling thread wants to be told; see channels.ts. */
  mount: (options: EngineMountOptions, wanted: SharedArrayBuffer) => MountedAs;
  flush: (mount: MountRef) => { readonly txid: string };
  waitForTxid: (mount: MountRef, txid: string) => undefined;
  hydrated: (mount: MountRef) => undefined;
  status: (mount: MountRef) => MountStatus;
  resizeCache: (mount: MountRef, cacheBytes: number) => number;
  promote: (mount: MountRef, waitMs: number | undefined) => undefined;
  demote: (mount: MountRef) => undefined;
  at: (mount: MountRef, moment: Moment) => OpenedPast;
  leavePast: (number: number) => undefined;
  close: (mount: MountRef) => undefined;
}

export type CallName = keyof Calls;

export interface CallMessage {
  readonly type: "call";
  readonly caller: string;
  readonly id: number;
  readonly name: CallName;
  readonly args: readonly unknown[];
}

export interface CancelMessage {
  readonly type: "cancel";
  readonly caller: string;
  readonly id: number;
}

/** The process ends, and a thread waits at an `ExitGate`. */
export interface ExitMessage {
  readonly type: "exit";
  readonly gate: SharedArrayBuffer;
}

/** The thread has got a batch of messages of that mount. */
export interface SawMessage {
  readonly type: "saw";
  readonly number: number;
}

export type ToEngine = CallMessage | CancelMessage | ExitMessage | SawMessage;

/** An error as plain data; the caller's side makes an error of it again. */
export interface ErrorData {
  readonly name: string;
  readonly code: string | undefined;
  readonly message: string;
  readonly cause: ErrorData | undefined;
}

/** The way of the call that mounted; other threads that hear of it do not know the mount. */
export interface EventMessage {
  readonly type: "event";
  /** Of the mount. */
  readonly number: number;
  readonly event: MountEvent;
}

/** For the channels of that thread. It answers with "saw". */
export interface SeenMessage {
  readonly type: "seen";
  readonly caller: string;
  /** Of the mount, which it need not know. */
  readonly number: number;
  readonly batch: readonly SeenAfter[];
}

/** What the thread that starts the engine gives it. */
export interface EngineWorkerData {
  /** Who that is, and what it wants to be told: of mounts that nobody has made, too. */
  readonly caller: string;
  readonly wanted: SharedArrayBuffer;
  /** See `useCompileCache`. */
  readonly compileCache: string | undefined;
}

/** To the thread that has started the engine: it is there. */
export interface ReadyMessage {
  readonly type: "ready";
}

export type ToCaller =
  | ReadyMessage
  | EventMessage
  | SeenMessage
  | {
      readonly type: "value";
      readonly caller: string;
      readonly id: number;
      readonly value: unknown;
    }
  | {
      readonly type: "error";
      readonly caller: string;
      readonly id: number;
      readonly error: ErrorData;
    };

/** One channel per binary: two copies of this package are two engines with tables of their own. */
export function channelName(binaryId: string): string {
  return `headwater:${binaryId}`;
}
