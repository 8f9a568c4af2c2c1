/**
 * What a writer must have before it writes: a folder for its journal, a store that keeps its
 * conditions, and the lease. Whoever takes them gives them back.
 */

import type { Lease } from "@headwater/lease";
import { type ConditionKind, conditionsProblem } from "@headwater/object-store";
import { JournalFolder } from "../disk/journal-folder.ts";
import { HeadwaterError } from "../errors.ts";
import type { FileLocks } from "../file-locks.ts";
import type { MountBase } from "../mount-base.ts";
import type { MountSettings } from "../options.ts";
import { callStore, type Replica, replicaError } from "../replica.ts";

export function openJournalFolder(
  settings: MountSettings,
  base: MountBase,
  locks: FileLocks,
): Promise<JournalFolder> {
  const { name, journalDir = "", disk } = settings;
  if (journalDir === "") {
    const sentence = `"${name}" cannot be written to without journalDir; mount it with that option`;
    throw new HeadwaterError("OPTION_INVALID", sentence);
  }
  return JournalFolder.open(journalDir, journalIdentity(base.replica, settings.url), locks, disk);
}

/** On a store that does not keep its conditions, two writers would overwrite each other. */
export async function requireConditions(
  { lease, random }: Pick<MountSettings, "lease" | "random">,
  { replica }: Pick<MountBase, "replica">,
  signal: AbortSignal | undefined,
): Promise<void> {
  const kinds: ConditionKind[] =
    lease === "off" ? ["conditionalCreate"] : ["conditionalCreate", "conditionalUpdate"];
  const prefix = replica.layout.rootPrefix;
  const problem = await callStore(replica, () =>
    conditionsProblem(replica.store, { kinds, prefix, random, signal }),
  );
  if (problem === undefined) return;
  const sentence = `the store cannot be written to safely, since ${problem}`;
  throw replicaError(replica, "STORE_UNSUPPORTED", sentence);
}

export interface Taken {
  readonly lease: Lease | undefined;
  readonly folder: JournalFolder | undefined;
}

/** With `isDone`, the bucket has everything, and nobody needs the folder any more. */
export async function giveBack({ lease, folder }: Taken, isDone: boolean): Promise<void> {
  let isReleased = true;
  // A lease that cannot be given back expires, unless the next one here knows it by the folder.
  await lease?.release().catch(() => {
    isReleased = false;
  });
  // What is still there then says the same, and is taken away by the next one who leaves.
  if (isDone && isReleased) await folder?.discard().catch(() => {});
  await folder?.close();
}

/** Of a writer that never came to be: a folder that was of no use to anybody goes again. */
export function giveUp(taken: Taken): Promise<void> {
  return giveBack(taken, taken.folder?.isUnused ?? false);
}

/** The URL as messages show it, and the server, which makes it another place altogether. */
export function journalIdentity(replica: Replica, url: string): string {
  const { store } = replica;
  const endpoint = new URLSearchParams(url.split("?")[1] ?? "").get("endpoint");
  const place = store.place ?? endpoint;
  return place === null ? replica.name : `${replica.name} at ${place}`;
}
