/**
 * An earlier moment of a database, beside the present one.
 *
 * Always true: the past stays open until its handle is closed and the last connection to it, or
 * until the mount is closed that it is of.
 */

import { HeadwaterError, type Moment, systemClock } from "@headwater/vfs-core";
import type { callEngine } from "./engine/engine-client.ts";
import type { MountRef } from "./engine/messages.ts";
import { parseMoment } from "./parse-moment.ts";

export interface Past extends AsyncDisposable {
  readonly name: string;
  /** What to open or ATTACH, on any thread. It cannot be written to. */
  readonly filename: string;
  /** The last transaction in it. */
  readonly txid: bigint;
  /** When that was made, by its writer's clock. */
  readonly createdAt: Date;
  /** May be called again. */
  close(): Promise<void>;
}

/**
 * Of that mount, by `call`. A string is a time or a transaction as `PRAGMA headwater_time` takes
 * it, a Date is everything made before it, a bigint is a transaction.
 */
export async function openPast(
  call: typeof callEngine,
  mounted: MountRef,
  when: string | Date | bigint,
  signal: AbortSignal | undefined,
): Promise<Past> {
  const moment = await toMoment(when);
  const { name, number, txid, createdAtMs } = await call("at", [mounted, moment], signal);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= call("leavePast", [number]).then(() => undefined);
    return closing;
  };
  return {
    name,
    filename: `file:${name}?vfs=headwater`,
    txid,
    createdAt: new Date(createdAtMs),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function toMoment(when: unknown): Promise<Moment> {
  if (typeof when === "bigint") return parseMoment(`txid:${when}`, 0);
  if (when instanceof Date) {
    const timestampMs = when.getTime();
    if (!Number.isNaN(timestampMs)) return { type: "timestamp", timestampMs };
    throw new HeadwaterError("OPTION_INVALID", "at() was given an invalid Date");
  }
  if (typeof when !== "string") {
    throw new TypeError("at() takes a time as a string or Date, or a transaction as a bigint");
  }
  if (when.trim().toLowerCase() === "latest") {
    throw new HeadwaterError("OPTION_INVALID", '"latest" is the present, which is open already');
  }
  return parseMoment(when, systemClock.nowMs());
}
