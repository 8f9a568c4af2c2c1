/**
 * The operations of a store, as data: what calls are named by, and requests are counted as.
 */

import type { Operation } from "./object-store.ts";

export const OPERATIONS = [
  "get",
  "head",
  "put",
  "openUpload",
  "putPart",
  "completeUpload",
  "abortUpload",
  "delete",
  "deleteMany",
  "list",
] as const satisfies readonly Operation[];
