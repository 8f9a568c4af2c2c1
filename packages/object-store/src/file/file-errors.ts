/**
 * Errors of the file system, sorted into ours.
 */

import { ObjectStoreError, type ObjectStoreErrorCode } from "../errors.ts";
import type { Operation } from "../object-store.ts";

/** For reads; a write that meets ENOENT, ENOTDIR or EISDIR has another problem (see below). */
const CODES: Readonly<Record<string, ObjectStoreErrorCode>> = {
  ENOENT: "OBJECT_NOT_FOUND",
  ENOTDIR: "OBJECT_NOT_FOUND",
  EISDIR: "OBJECT_NOT_FOUND",
  ENAMETOOLONG: "UNSUPPORTED",
  ELOOP: "CONFIG_INVALID",
  EACCES: "FORBIDDEN",
  EPERM: "FORBIDDEN",
  EROFS: "FORBIDDEN",
};

const WRITE_CODES: Readonly<Record<string, ObjectStoreErrorCode>> = {
  ...CODES,
  ENOENT: "UNAVAILABLE",
  ENOTDIR: "UNSUPPORTED",
  EISDIR: "UNSUPPORTED",
};

const WRITES: readonly Operation[] = ["put", "openUpload", "putPart", "completeUpload"];

/** Node.js tells it of a folder that it could not make, whatever the reason. */
const NO_FOLDER = "its folder cannot be made";

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such object",
  ENOTDIR: "a part of the key is the key of another object",
  EISDIR: "the key is a folder of other objects",
  ENAMETOOLONG: "a segment of the key is too long for this file system",
  EACCES: "the file system denies access",
  EPERM: "the file system denies access",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the device",
  EDQUOT: "the disk quota is used up",
};

export interface FileErrorContext {
  readonly store: string;
  readonly operation: Operation;
  readonly key?: string | undefined;
}

export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** The error to throw for this failure: itself when it is not the file system's. */
export function toFileError(error: unknown, context: FileErrorContext): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || ObjectStoreError.is(error) || !/^E[A-Z]/.test(errno)) return error;
  if (!("syscall" in (error as Error))) return error;
  const writes = WRITES.includes(context.operation);
  const code = (writes ? WRITE_CODES : CODES)[errno] ?? "UNAVAILABLE";
  const known = writes && errno === "ENOENT" ? NO_FOLDER : PROBLEMS[errno];
  return fileError(code, known ?? `the file system says ${errno}`, context, error);
}

export function fileError(
  code: ObjectStoreErrorCode,
  problem: string,
  { store, operation, key }: FileErrorContext,
  cause?: unknown,
): ObjectStoreError {
  const what = key === undefined ? operation : `${operation} ${key}`;
  const message = `${what} on ${store}: ${problem}`;
  return new ObjectStoreError(code, message, { store, operation, key, cause });
}
