/**
 * One process per path: a file beside it that says who uses it.
 *
 * Always true:
 *   - The file appears with its content at once, so nobody reads half of it.
 *   - A lock whose process is gone is taken over. A process is gone when nothing runs under its
 *     number, or what runs started at another time, or the machine was started again since.
 *
 * It does not work across machines or containers that share a disk but not their processes.
 */

import { link, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { systemClock } from "../system.ts";

/** Who holds a lock. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** When the process started, in the units of its system; undefined where nobody tells. */
  readonly startedAt: string | undefined;
  readonly bootId: string | undefined;
}

export type LockResult =
  | { readonly type: "locked"; readonly lock: ProcessLock }
  | { readonly type: "held"; readonly owner: LockOwner };

const TRIES = 50;
const TRY_PAUSE_MS = 10;

let lastDraft = 0;

export class ProcessLock {
  readonly #path: string;
  #isHeld = true;

  private constructor(path: string) {
    this.#path = path;
  }

  static async take(path: string): Promise<LockResult> {
    const me = await describe(process.pid);
    let owner = me;
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      if (await create(path, me)) return { type: "locked", lock: new ProcessLock(path) };
      const found = await readOwner(path);
      if (found === undefined) continue;
      if (await isAlive(found, me)) return { type: "held", owner: found };
      owner = found;
      const isRemoved = await removeStale(path, found, me);
      if (!isRemoved) await systemClock.sleep(TRY_PAUSE_MS);
    }
    return { type: "held", owner };
  }

  async release(): Promise<void> {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    await rm(this.#path, { force: true });
  }
}

/** False when the path is taken. */
async function create(path: string, me: LockOwner): Promise<boolean> {
  lastDraft += 1;
  const draft = `${path}.${process.pid}.${lastDraft}`;
  await writeFile(draft, `${JSON.stringify(me)}\n`, { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Only who holds a second lock removes the first, and looks at it again before: otherwise one could
 * remove what another has just put in its place. False when somebody else is at it.
 */
async function removeStale(path: string, stale: LockOwner, me: LockOwner): Promise<boolean> {
  const takeover = `${path}.takeover`;
  if (!(await create(takeover, me))) {
    const other = await readOwner(takeover);
    if (other !== undefined && !(await isAlive(other, me))) await rm(takeover, { force: true });
    return false;
  }
  try {
    const found = await readOwner(path);
    const isSame = JSON.stringify(found) === JSON.stringify(stale);
    if (isSame) await rm(path, { force: true });
    return true;
  } finally {
    await rm(takeover, { force: true });
  }
}

async function readOwner(path: string): Promise<LockOwner | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    const { pid, host, startedAt, bootId } = JSON.parse(text) as Partial<LockOwner>;
    return { pid: Number(pid), host: String(host), startedAt, bootId };
  } catch {
    return { pid: 0, host: "unknown", startedAt: undefined, bootId: undefined };
  }
}

async function isAlive(owner: LockOwner, me: LockOwner): Promise<boolean> {
  if (!Number.isSafeInteger(owner.pid) || owner.pid <= 0) return false;
  // Another machine that shares the disk: nobody here can tell, so the lock counts.
  if (owner.host !== me.host) return true;
  if (owner.bootId !== me.bootId) return false;
  if (!isRunning(owner.pid)) return false;
  const running = await describe(owner.pid);
  return running.startedAt === owner.startedAt;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}

async function describe(pid: number): Promise<LockOwner> {
  const bootId = await readOrNothing("/proc/sys/kernel/random/boot_id");
  const stat = await readOrNothing(`/proc/${pid}/stat`);
  // The name of the program stands in brackets and may hold anything; the 20th field after it is
  // the time of the start.
  const startedAt = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return { pid, host: hostname(), startedAt, bootId };
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    return undefined;
  }
}

export function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === code;
}
