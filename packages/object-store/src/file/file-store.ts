/**
 * Objects as files under one folder, laid out as Litestream's file replicas are: the key is the
 * path, the modification time is the timestamp.
 *
 * Always true:
 *   - A file appears or changes in one step and is on disk, with its name, before a put resolves.
 *   - Conditions hold between all processes and threads of one machine that use this store.
 *   - Folders are made 0700 and files 0600. A killed process leaves nothing that is ever listed.
 *
 * It cannot hold `a` and `a/b` at once, and it does not bind other programs to its conditions,
 * save that nobody's existing file is overwritten by if-absent.
 */

import type { BigIntStats } from "node:fs";
import { constants, type FileHandle, open, unlink } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { checkRange, type ResolvedRange, resolveRange } from "../byte-range.ts";
import type { Clock, Random } from "../clock.ts";
import type { ObjectStoreError } from "../errors.ts";
import { HeldUpload, partSizeOf, type UploadedParts } from "../held-upload.ts";
import { InFlight } from "../in-flight.ts";
import { BODY_BYTES_MAX, FILE_CHUNK_BYTES, PARTS_PARALLEL } from "../limits.ts";
import { checkPrefix } from "../object-key.ts";
import type {
  CallOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  KeyLayout,
  ListOptions,
  ObjectMeta,
  ObjectStore,
  Operation,
  PutOptions,
  Supports,
  Upload,
  UploadOptions,
} from "../object-store.ts";
import { systemClock, systemRandom } from "../system.ts";
import { fileError, toFileError } from "./file-errors.ts";
import { listFiles } from "./file-list.ts";
import { FileLockTimeout, removeLeftovers, withFileLock } from "./file-lock.ts";
import { type FilePath, RESERVED_FOLDER, toFilePath } from "./file-path.ts";
import {
  afterChange,
  createTemporary,
  dropTemporary,
  type FileContent,
  type FileFacts,
  fsyncAfterChange,
  isLinkUnsupported,
  linkInPlace,
  makeFolders,
  NotDurableError,
  renameInPlace,
  settleTemporary,
  statAny,
  statIfThere,
  type TemporaryFile,
  writeAt,
  writeTemporary,
} from "./file-write.ts";

export interface FileStoreOptions {
  /** Absolute path of the folder. It is made by the first put. */
  readonly root: string;
  /** False: a power failure may take what was put last. A killed process still loses nothing. */
  readonly fsync?: boolean | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** A pipe with this name would keep whoever opens it waiting for its other end. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

const SUPPORTS: Supports = {
  conditionalCreate: true,
  conditionalUpdate: true,
  conditionalDelete: true,
  conditionsTrusted: true,
  suffixRange: true,
  orderedList: true,
  startAfter: true,
  serverDate: true,
  storedTimestamp: true,
  listedTimestamp: true,
  streamedPut: true,
  streamedConditions: true,
};

export class FileStore implements ObjectStore {
  readonly name: string;
  readonly supports: Supports = SUPPORTS;
  readonly keyLayout: KeyLayout = "path";
  readonly #root: string;
  readonly #fsync: boolean;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #inFlight: InFlight;
  readonly #sweptFolders = new Set<string>();

  constructor({ root, fsync, clock, random }: FileStoreOptions) {
    if (!isAbsolute(root)) throw new TypeError(`root must be an absolute path: ${root}`);
    this.#root = root.length > 1 ? root.replace(/[\\/]+$/, "") : root;
    this.#fsync = fsync ?? true;
    this.#clock = clock ?? systemClock;
    this.#random = random ?? systemRandom;
    this.name = `file://${this.#root}`;
    this.#inFlight = new InFlight(this.name);
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    const { path } = toFilePath(this.#root, key);
    const { range, signal } = options;
    if (range !== undefined) checkRange(range);
    return this.#run("get", key, options, async () => {
      const handle = await open(path, READ);
      try {
        const stats = await handle.stat({ bigint: true });
        const meta = this.#meta(key, this.#mustBeFile("get", key, stats));
        const resolved = resolveRange(range, meta.size);
        if (resolved === undefined) {
          const problem = `the range holds none of its ${meta.size} bytes`;
          throw fileError("RANGE_UNSATISFIABLE", problem, this.#context("get", key));
        }
        if (resolved.length > BODY_BYTES_MAX) {
          const problem = "the object is too large to be got at once";
          throw fileError("UNSUPPORTED", problem, this.#context("get", key));
        }
        const body = await readExactly(handle, resolved, signal);
        if (body === undefined) {
          const problem = "the file became shorter while it was read";
          throw fileError("UNAVAILABLE", problem, this.#context("get", key));
        }
        return { meta, body };
      } finally {
        await handle.close();
      }
    });
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectMeta> {
    const { path } = toFilePath(this.#root, key);
    return this.#run("head", key, options, async () =>
      this.#meta(key, this.#mustBeFile("head", key, await statIfThere(path))),
    );
  }

  async put(key: string, body: Uint8Array, options: PutOptions): Promise<ObjectMeta> {
    const target = toFilePath(this.#root, key);
    const { signal } = options;
    const timestampMs = options.timestampMs ?? this.#clock.nowMs();
    const content: FileContent = { body, timestampMs, fsync: this.#fsync, signal };
    return this.#run("put", key, options, async () => {
      const reserved = await makeFolders(target, this.#fsync);
      await this.#sweep(reserved);
      const temporary = await writeTemporary(reserved, content, Math.floor(this.#random() * 1000));
      try {
        await this.#place(key, temporary, target, content, options);
        return await this.#metaOfPlaced(key, temporary);
      } finally {
        await dropTemporary(temporary);
      }
    });
  }

  async openUpload(key: string, options: UploadOptions): Promise<Upload> {
    const target = toFilePath(this.#root, key);
    const partSize = partSizeOf(options.sizeMax);
    const step = <Result>(operation: Operation, work: () => Promise<Result>) =>
      this.#explain(operation, key, work);
    return this.#run("openUpload", key, options, async () => {
      const reserved = await makeFolders(target, this.#fsync);
      await this.#sweep(reserved);
      const temporary = await createTemporary(reserved);
      const steps = {
        partSize,
        partsParallel: PARTS_PARALLEL,
        putPart: (index: number, body: Uint8Array, { signal }: CallOptions) =>
          step("putPart", () => writeAt(temporary, body, index * partSize, signal)),
        complete: (_: UploadedParts, { signal }: CallOptions) =>
          step("completeUpload", async () => {
            const timestampMs = options.timestampMs ?? this.#clock.nowMs();
            const facts: FileFacts = { timestampMs, fsync: this.#fsync, signal };
            await settleTemporary(temporary, facts, Math.floor(this.#random() * 1000));
            await this.#place(key, temporary, target, facts, options);
            const meta = await this.#metaOfPlaced(key, temporary);
            await dropTemporary(temporary);
            return meta;
          }),
        abort: () => step("abortUpload", () => dropTemporary(temporary)),
      };
      return new HeldUpload(key, steps, this.#inFlight.hold());
    });
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    const target = toFilePath(this.#root, key);
    return this.#run("delete", key, options, () => this.#remove(key, target, options));
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    const targets = keys.map((key) => toFilePath(this.#root, key));
    return this.#run("deleteMany", undefined, options, async () => {
      const failures: unknown[] = [];
      for (const [index, target] of targets.entries()) {
        options.signal?.throwIfAborted();
        const key = keys[index] as string;
        await this.#remove(key, target, { signal: options.signal }).catch((error: unknown) =>
          failures.push(toFileError(error, this.#context("deleteMany", key))),
        );
      }
      if (failures.length > 0) throw failures[0];
    });
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectMeta> {
    checkPrefix(prefix);
    const { startAfter, signal } = options;
    const scope = { prefix, startAfter, signal };
    const files = listFiles(this.#root, scope)[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.#run("list", undefined, options, () => files.next());
      if (next.done) return;
      yield this.#meta(next.value.key, next.value.stats);
    }
  }

  async close(): Promise<void> {
    await this.#inFlight.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Makes the temporary file the object, if the condition holds. */
  async #place(
    key: string,
    temporary: TemporaryFile,
    target: FilePath,
    content: FileFacts,
    { condition }: PutOptions,
  ): Promise<void> {
    if (condition.type !== "if-absent" || !(await this.#create(key, temporary, target))) {
      await this.#lock(target, content.signal, async () => {
        const existing = await statIfThere(target.path);
        if (condition.type === "if-absent" && existing !== undefined) throw this.#exists(key);
        if (
          condition.type === "if-version" &&
          (existing === undefined || versionOf(existing) !== condition.version)
        ) {
          throw this.#changed("put", key);
        }
        await renameInPlace(temporary, target, existing, content);
      });
    }
    if (content.fsync) await fsyncAfterChange(target.folder);
  }

  async #metaOfPlaced(key: string, { handle }: TemporaryFile): Promise<ObjectMeta> {
    const problem = "the object was put, and cannot be looked at";
    const stats = await afterChange(problem, () => handle.stat({ bigint: true }));
    return this.#meta(key, stats);
  }

  /** False when this file system has no hard links: then the lock has to do. */
  async #create(key: string, temporary: TemporaryFile, target: FilePath): Promise<boolean> {
    try {
      if (await linkInPlace(temporary, target)) return true;
    } catch (error) {
      if (isLinkUnsupported(error)) return false;
      throw error;
    }
    if ((await statAny(target.path))?.isDirectory()) {
      const problem = "the key is a folder of other objects";
      throw fileError("UNSUPPORTED", problem, this.#context("put", key));
    }
    throw this.#exists(key);
  }

  async #remove(key: string, target: FilePath, options: DeleteOptions): Promise<void> {
    const { condition = { type: "none" }, signal } = options;
    if ((await statIfThere(target.path)) === undefined) {
      if (condition.type === "if-version") throw this.#changed("delete", key);
      return;
    }
    await makeFolders(target, this.#fsync);
    await this.#lock(target, signal, async () => {
      const existing = await statIfThere(target.path);
      if (condition.type === "if-version") {
        if (existing === undefined || versionOf(existing) !== condition.version) {
          throw this.#changed("delete", key);
        }
      }
      if (existing !== undefined) await unlink(target.path);
    });
    if (this.#fsync) await fsyncAfterChange(target.folder);
  }

  async #lock<Result>(
    { folder, name }: FilePath,
    signal: AbortSignal | undefined,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const options = { clock: this.#clock, random: this.#random, signal };
    return withFileLock(join(folder, RESERVED_FOLDER), name, options, work);
  }

  /** Once per folder and store: what killed processes left there. No put fails because of it. */
  async #sweep(reservedFolder: string): Promise<void> {
    if (this.#sweptFolders.has(reservedFolder)) return;
    this.#sweptFolders.add(reservedFolder);
    await removeLeftovers(reservedFolder, this.#clock).catch(() => undefined);
  }

  async #run<Result>(
    operation: Operation,
    key: string | undefined,
    options: CallOptions,
    work: () => Promise<Result>,
  ): Promise<Result> {
    return this.#explain(operation, key, () => this.#inFlight.run(operation, options, work));
  }

  async #explain<Result>(
    operation: Operation,
    key: string | undefined,
    work: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      const context = this.#context(operation, key);
      if (error instanceof FileLockTimeout) {
        throw fileError("UNAVAILABLE", error.message, context, error);
      }
      if (error instanceof NotDurableError) {
        throw fileError("OUTCOME_UNKNOWN", error.message, context, error);
      }
      throw toFileError(error, context);
    }
  }

  #mustBeFile(operation: Operation, key: string, stats: BigIntStats | undefined): BigIntStats {
    if (stats?.isFile()) return stats;
    const context = this.#context(operation, key);
    throw fileError("OBJECT_NOT_FOUND", "there is no such object", context);
  }

  #meta(key: string, stats: BigIntStats): ObjectMeta {
    return {
      key,
      size: Number(stats.size),
      version: versionOf(stats),
      lastModifiedMs: Number(stats.ctimeNs / 1_000_000n),
      timestampMs: Number(stats.mtimeNs / 1_000_000n),
      serverDateMs: this.#clock.nowMs(),
    };
  }

  #exists(key: string): ObjectStoreError {
    return fileError("OBJECT_EXISTS", "there is such an object", this.#context("put", key));
  }

  #changed(operation: Operation, key: string): ObjectStoreError {
    const context = this.#context(operation, key);
    return fileError("OBJECT_CHANGED", "the object has another version or is gone", context);
  }

  #context(operation: Operation, key: string | undefined) {
    return { store: this.name, operation, key };
  }
}

function versionOf({ ino, mtimeNs, size }: BigIntStats): string {
  return `${ino.toString(36)}-${mtimeNs.toString(36)}-${size.toString(36)}`;
}

/** Undefined when the file ends before the range does: no writer of this store does that. */
async function readExactly(
  handle: FileHandle,
  { offset, length }: ResolvedRange,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  const body = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  for (let done = 0; done < length; ) {
    signal?.throwIfAborted();
    const want = Math.min(length - done, FILE_CHUNK_BYTES);
    const { bytesRead } = await handle.read(body, done, want, offset + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return body;
}
