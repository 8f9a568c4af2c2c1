/**
 * Who made a temporary file or a lock, written into its name, and whether the maker still lives.
 *
 * Always true:
 *   - A token names one thread of one process of one boot of one machine (or container).
 *   - "dead" is only said of threads that can be looked up from here. Others are "unknown".
 *
 * The kernel's thread numbers come from /proc. Where there is none, a token names the process, and
 * a living process says nothing about its thread: then the answer is "unknown" as well.
 */

import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

export type OwnerState = "alive" | "dead" | "unknown";

interface Owner {
  readonly host: string;
  readonly pid: number;
  readonly tid: number;
  /** Start time of the thread, which tells it from a later one of the same number. */
  readonly start: string;
}

let own: string | undefined;
let lastSerial = 0;

/** This thread, as a part of a file name. */
export function ownerToken(): string {
  if (own === undefined) {
    const thread = kernelThread() ?? { pid: process.pid, tid: 0, start: "0" };
    own = `${hostToken()}-${thread.pid}-${thread.tid}-${thread.start}`;
  }
  return own;
}

/** A number this thread has not used yet. */
export function nextSerial(): number {
  lastSerial += 1;
  return lastSerial;
}

export function ownerState(token: string): OwnerState {
  const owner = parseOwner(token);
  if (owner === undefined || owner.host !== hostToken()) return "unknown";
  if (owner.tid === 0) return processExists(owner.pid) ? "unknown" : "dead";
  return threadStart(owner.pid, owner.tid) === owner.start ? "alive" : "dead";
}

function parseOwner(token: string): Owner | undefined {
  const match = /^([0-9a-f]{12})-(\d+)-(\d+)-(\d+)$/.exec(token);
  if (match === null) return undefined;
  const [, host = "", pid, tid, start = ""] = match;
  return { host, pid: Number(pid), tid: Number(tid), start };
}

let host: string | undefined;

/** A process number means something only in one boot and one PID namespace. */
function hostToken(): string {
  if (host === undefined) {
    let scope = hostname();
    try {
      const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
      scope = `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
    } catch {
      // No /proc: the host name has to do.
    }
    host = createHash("sha256").update(scope).digest("hex").slice(0, 12);
  }
  return host;
}

function kernelThread(): Omit<Owner, "host"> | undefined {
  try {
    const match = /^(\d+)\/task\/(\d+)$/.exec(readlinkSync("/proc/thread-self"));
    if (match === null) return undefined;
    const [pid, tid] = [Number(match[1]), Number(match[2])];
    const start = threadStart(pid, tid);
    return start === undefined ? undefined : { pid, tid, start };
  } catch {
    return undefined;
  }
}

/** Undefined when the thread is gone, or is only waiting to be reaped. */
function threadStart(pid: number, tid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // "tid (name) state ppid ...": the name may hold anything, so count from its closing bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  if (state === "Z" || state === "X") return undefined;
  return fields[19];
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
