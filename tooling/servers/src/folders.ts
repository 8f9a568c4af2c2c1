/**
 * Where servers live: everything is below `.servers` at the root of the repository.
 */

import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..", "..", ".servers");

export function installedFolder(name: string): string {
  return join(root, name);
}

/** A fresh folder for one run of a server, named for this process. */
export async function makeRunFolder(name: string): Promise<string> {
  const runs = join(root, "run");
  await mkdir(runs, { recursive: true });
  await removeDeadRuns(runs);
  for (let serial = 1; ; serial += 1) {
    const folder = join(runs, `${process.pid}-${serial}-${name}`);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

/** What processes left that were killed before they could tidy up. */
async function removeDeadRuns(runs: string): Promise<void> {
  for (const entry of await readdir(runs)) {
    const pid = Number(/^(\d+)-/.exec(entry)?.[1]);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    await rm(join(runs, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
