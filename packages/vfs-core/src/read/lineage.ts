/**
 * Whether what lies at the URL now goes on from what was read there before, or belongs to another
 * history: somebody has deleted everything and begun anew, gone on from an older state, or put
 * another database there.
 *
 * Names do not tell, since every history counts its transactions from one. What does:
 *   - The object that brought the newest transaction is still there: whatever was read before that
 *     was seen goes on from it. Retention spares the newest one.
 *   - It is not, and an object whose name is known is another one now: another history.
 *   - Uploads of ours name the file before them (node-id.ts), which costs no request.
 * Else it is unknown, as after retention. Then nothing of before may be mixed with what is there.
 */

import { ObjectStoreError } from "@headwater/object-store";
import type { FileTable } from "../file-table.ts";
import type { FileLink, LoadedFile } from "../load-file.ts";
import { isSameFile, type LtxFile } from "../ltx-file.ts";
import { callStore, type Replica } from "../replica.ts";
import type { FilesByLevel } from "../restore-plan.ts";
import { withoutStrays } from "../strays.ts";
import { continuesFile } from "../write/node-id.ts";
import type { RequestQueue } from "./request-queue.ts";

/** The level-0 file of the newest transaction. */
export interface ChainEnd extends FileLink {
  readonly txid: bigint;
}

export function chainEndOf(last: LoadedFile | undefined): ChainEnd | undefined {
  if (last?.link === undefined || last.file.level !== 0) return undefined;
  return { txid: last.file.maxTxid, ...last.link };
}

/** Whether each of these files says of the one before it that it continues it. */
export function isChained(end: ChainEnd | undefined, loaded: readonly LoadedFile[]): boolean {
  let before = end;
  for (const one of loaded) {
    const next = chainEndOf(one);
    if (before === undefined || next === undefined) return false;
    if (one.file.minTxid !== before.txid + 1n) return false;
    if (!continuesFile(next.nodeId, before.fileChecksum)) return false;
    before = next;
  }
  return true;
}

/** A file whose name meant another object when a map was made that points into it. */
export function findReplaced(levels: FilesByLevel, files: FileTable): LtxFile | undefined {
  return withoutStrays(levels)
    .flat()
    .find((file) => files.isReplaced(file));
}

export function isListed(levels: FilesByLevel, file: LtxFile): boolean {
  return levels[file.level]?.some((other) => isSameFile(other, file)) ?? false;
}

export interface ProbeOptions {
  readonly queue: RequestQueue;
  readonly signal: AbortSignal;
}

/** Whether the very object is there, by its name: whatever a listing shows. */
export async function isStillThere(
  replica: Replica,
  file: LtxFile,
  { queue, signal }: ProbeOptions,
): Promise<boolean> {
  const { store } = replica;
  const found = await callStore(replica, () =>
    queue
      .run({ priority: "foreground" }, () => store.head(file.key, { signal }))
      .catch((error: unknown) => {
        if (ObjectStoreError.is(error, "OBJECT_NOT_FOUND")) return undefined;
        throw error;
      }),
  );
  if (found === undefined || found.size !== file.size) return false;
  if (file.version !== undefined) return found.version === file.version;
  // Of an upload only this is known.
  return found.timestampMs === undefined || found.timestampMs === file.createdAtMs;
}
