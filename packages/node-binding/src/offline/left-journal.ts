/**
 * What a writer has left in its journal folder, opened without a mount.
 *
 * Always true: nobody else uses the folder meanwhile, and nothing in it changes unless it is
 * discarded.
 */

import { statSync } from "node:fs";
import type { CommitJournal, DeviceEvents } from "@headwater/vfs-core";
import { JournalFolder, type SyncedPoint, type UploadIntent } from "@headwater/vfs-core/offline";
import { NativeDevice } from "../engine/native-device.ts";
import { native } from "../native.ts";
import { fileLocks } from "./file-locks.ts";

export interface LeftSegment {
  readonly path: string;
  readonly bytes: number;
  /** Where the bucket stood when it was begun. */
  readonly baseTxid: bigint;
  /** Numbers of its commits; zero when it has none. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Why it cannot be used, and with it those after it. */
  readonly problem: string | undefined;
}

export interface LeftJournal extends AsyncDisposable {
  readonly path: string;
  /** The replica that it belongs to, as messages show it. */
  readonly identity: string;
  readonly synced: SyncedPoint | undefined;
  readonly intents: readonly UploadIntent[];
  readonly segments: readonly LeftSegment[];
  /** Commits that are not known to be in the bucket. */
  readonly commitCount: number;
  /** Pages that they have written, and the size of the database after them. */
  readonly changedPageCount: number;
  readonly pageCount: number;
  readonly pageSize: number;
  readonly journal: CommitJournal;
  /** Takes everything away, for good. */
  discard(): Promise<void>;
}

const NO_EVENTS: DeviceEvents = {
  onRequest: () => {},
  onCommit: () => {},
  onFull: () => {},
  onUnused: () => {},
};

/** Rejects with JOURNAL_INVALID where there is none, and JOURNAL_LOCKED where it is in use. */
export async function openLeftJournal(path: string): Promise<LeftJournal> {
  const folder = await JournalFolder.openLeft(path, fileLocks);
  const { synced, intents, identity } = folder;
  const seq = synced?.seq ?? 0;
  // It is never active, so nobody can open it.
  const device = new NativeDevice(
    native,
    {
      name: "journal",
      mode: "write",
      pageSize: 0,
      requestTimeoutMs: 0,
      seq,
      state: { txid: synced?.txid ?? 0n, pageCount: 0, changeCounter: 0 },
    },
    NO_EVENTS,
  );
  const { journal } = device;
  const segments = recoverAll(journal, folder.segments);
  const pending = journal.collect(seq);
  return {
    path: folder.path,
    identity,
    synced,
    intents,
    segments,
    commitCount: (pending?.seq ?? seq) - seq,
    changedPageCount: pending?.pgnos.length ?? 0,
    pageCount: pending?.pageCount ?? 0,
    pageSize: pending?.pageSize ?? 0,
    journal,
    async discard() {
      device.close();
      await folder.discard();
    },
    async [Symbol.asyncDispose]() {
      device.close();
      await folder.close();
    },
  };
}

/** After one that cannot be used, commits would be missing. */
function recoverAll(journal: CommitJournal, paths: readonly string[]): LeftSegment[] {
  const segments: LeftSegment[] = [];
  let isBroken = false;
  for (const path of paths) {
    const bytes = statSync(path).size;
    const nothing = { path, bytes, baseTxid: 0n, firstSeq: 0, lastSeq: 0 };
    try {
      const found = isBroken ? journal.inspect(path) : journal.recover(path);
      const { baseTxid, firstSeq, lastSeq } = found;
      const problem = isBroken ? "a segment before it cannot be used" : undefined;
      segments.push({ path, bytes, baseTxid, firstSeq, lastSeq, problem });
    } catch (error) {
      isBroken = true;
      segments.push({ ...nothing, problem: (error as Error).message });
    }
  }
  return segments;
}
