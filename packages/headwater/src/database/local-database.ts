/**
 * A database file on this machine, held still while it is read, its write-ahead log included.
 *
 * Always true:
 *   - It is one state, that of a commit, whatever others write to it meanwhile: a read transaction
 *     of SQLite stays open, so nobody writes to the file (rollback mode) or takes pages out of the
 *     log that the file has not (WAL mode).
 *   - Nothing is written to it, and a log is left as it is.
 *   - The file is closed after the transaction has ended: closing it would end SQLite's locks.
 */

import { type FileHandle, open, realpath } from "node:fs/promises";
import type { DatabaseSync } from "node:sqlite";
import { systemClock } from "@headwater/vfs-core";
import type { DatabaseImage } from "@headwater/vfs-core/offline";
import { loadSqlite } from "./sqlite.ts";
import { FRAME_HEADER_SIZE, isFrameOf, readWalFrames, type WalFrames } from "./wal-frames.ts";

export interface LocalDatabase extends DatabaseImage, AsyncDisposable {}

const CHUNK_BYTES = 1 << 20;
/** How often, and for how long each, a lock is waited for that a writer has while it commits. */
const LOCK_TRIES = 50;
const LOCK_WAIT_MS = 100;

export async function openLocalDatabase(
  path: string,
  signal?: AbortSignal,
): Promise<LocalDatabase> {
  const { DatabaseSync } = loadSqlite();
  const fail = (error: unknown): never => {
    throw problem(path, error);
  };
  // The log lies beside the file, and not beside a link to it.
  const realPath = await realpath(path).catch(fail);
  const file = await open(realPath, "r").catch(fail);
  try {
    const connection = new DatabaseSync(realPath, { readOnly: true, timeout: LOCK_WAIT_MS });
    try {
      await beginRead(connection, signal);
      const pageSize = numberOf(connection.prepare("pragma page_size").get());
      const pageCount = numberOf(connection.prepare("pragma page_count").get());
      const log = await openLog(realPath);
      const frames = log === undefined ? undefined : await readWalFrames(log, pageSize);
      return {
        pageSize,
        pageCount: frames?.pageCount ?? pageCount,
        chunks: () => readChunks(file, { pageSize, pageCount, log, frames }),
        async [Symbol.asyncDispose]() {
          connection.close();
          await log?.close();
          await file.close();
        },
      };
    } catch (error) {
      connection.close();
      throw error;
    }
  } catch (error) {
    await file.close();
    signal?.throwIfAborted();
    throw problem(path, error);
  }
}

/** Between the attempts, whoever gives a signal is heard. */
async function beginRead(connection: DatabaseSync, signal: AbortSignal | undefined): Promise<void> {
  connection.exec("begin");
  for (let attempt = 1; ; attempt += 1) {
    try {
      connection.exec("select count(*) from sqlite_schema");
      return;
    } catch (error) {
      if (!isBusy(error) || attempt === LOCK_TRIES) throw error;
    }
    await systemClock.sleep(1, { signal });
  }
}

function isBusy(error: unknown): boolean {
  return /locked|busy/i.test((error as Error).message);
}

interface Parts {
  readonly pageSize: number;
  readonly pageCount: number;
  readonly log: FileHandle | undefined;
  readonly frames: WalFrames | undefined;
}

async function* readChunks(
  file: FileHandle,
  { pageSize, pageCount, log, frames }: Parts,
): AsyncGenerator<Uint8Array, void, undefined> {
  const count = frames?.pageCount ?? pageCount;
  const chunkPages = Math.max(1, Math.floor(CHUNK_BYTES / pageSize));
  for (let first = 1; first <= count; first += chunkPages) {
    const last = Math.min(count, first + chunkPages - 1);
    const chunk = Buffer.alloc((last - first + 1) * pageSize);
    await file.read(chunk, 0, chunk.byteLength, (first - 1) * pageSize);
    for (let pgno = first; pgno <= last; pgno += 1) {
      const offset = frames?.offsets.get(pgno);
      if (offset === undefined || frames === undefined) continue;
      const frame = Buffer.alloc(FRAME_HEADER_SIZE + pageSize);
      await log?.read(frame, 0, frame.byteLength, offset);
      // A log may begin anew when the file has all of it: then the page in the file is right.
      if (isFrameOf(frames, frame)) frame.copy(chunk, (pgno - first) * pageSize, FRAME_HEADER_SIZE);
    }
    yield chunk;
  }
}

async function openLog(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(`${path}-wal`, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function numberOf(row: Readonly<Record<string, unknown>> | undefined): number {
  return Number(Object.values(row ?? {})[0]);
}

function problem(path: string, error: unknown): Error {
  const { code, message } = error as { readonly code?: string; readonly message: string };
  if (code === "ENOENT") return new Error(`there is no file ${path}; check the path`);
  if (code?.startsWith("E") === true && !code.startsWith("ERR_")) {
    return new Error(`cannot read the database ${path}: ${message}; check the path and its rights`);
  }
  return new Error(`cannot read the database ${path}: ${message}; ${nextAfter(error)}`);
}

function nextAfter(error: unknown): string {
  if (isBusy(error))
    return "somebody writes to it or has locked it: run it again when that is over";
  return /readonly|unable to open/i.test((error as Error).message)
    ? "it may have a hot journal or lie in a folder that cannot be written to: open it once with " +
        "sqlite3, or copy it elsewhere with its -journal and -wal, which are a part of it"
    : "check that it is a SQLite database";
}
