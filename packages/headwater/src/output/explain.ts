/**
 * Whatever was thrown, as a code and one sentence that says what to do next.
 */

import { LeaseError } from "@headwater/lease";
import { LtxError } from "@headwater/ltx";
import { ObjectStoreError } from "@headwater/object-store";
import { HeadwaterError } from "@headwater/vfs-core";
import { UsageError } from "../exit-codes.ts";

export interface Explanation {
  /** For scripts. */
  readonly code: string;
  readonly sentence: string;
  readonly isUsage: boolean;
}

export function explain(error: unknown): Explanation {
  if (error instanceof UsageError) {
    return { code: "USAGE", sentence: error.message, isUsage: true };
  }
  if (HeadwaterError.is(error, "REPLICA_DAMAGED")) {
    return told(error.code, `${error.message}; "headwater verify" tells what to do`);
  }
  if (HeadwaterError.is(error)) return told(error.code, error.message);
  if (ObjectStoreError.is(error) || LtxError.is(error) || LeaseError.is(error)) {
    return told(error.code, error.message);
  }
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: string };
  return told(typeof code === "string" ? code : "FAILED", message ?? String(error));
}

function told(code: string, message: string): Explanation {
  return { code, sentence: message.split("\n", 1)[0] ?? "", isUsage: false };
}
