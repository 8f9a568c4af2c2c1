/**
 * Errors across threads: to plain data and back, keeping code, message and cause.
 */

import { HeadwaterError, type HeadwaterErrorCode } from "@headwater/vfs-core";
import type { ErrorData } from "./messages.ts";

const CAUSES_MAX = 8;

export function toErrorData(error: unknown, depth = 0): ErrorData {
  if (!(error instanceof Error)) {
    return { name: "Error", code: undefined, message: String(error), cause: undefined };
  }
  const code = (error as { code?: unknown }).code;
  const hasCause = error.cause !== undefined && depth < CAUSES_MAX;
  return {
    name: error.name,
    code: typeof code === "string" ? code : undefined,
    message: error.message,
    cause: hasCause ? toErrorData(error.cause, depth + 1) : undefined,
  };
}

export function fromErrorData(data: ErrorData): Error {
  const options = data.cause === undefined ? {} : { cause: fromErrorData(data.cause) };
  if (data.name === "HeadwaterError" && data.code !== undefined) {
    return new HeadwaterError(data.code as HeadwaterErrorCode, data.message, options);
  }
  const error = new Error(data.message, options);
  error.name = data.name;
  return data.code === undefined ? error : Object.assign(error, { code: data.code });
}
