/**
 * Where a process may be made to crash: before and after everything by which it changes the world,
 * or learns of it. A point is an operation and what it is done to.
 */

const OPERATIONS = [
  // A COMMIT, and the segments that commits go to.
  "append segment",
  "create segment",
  "sync segment",
  "remove segment",
  // A local image.
  "open image",
  "write image",
  "truncate image",
  "read image",
  "write image record",
  "rename image record",
  // What is known of uploads.
  "open intent.json",
  "write intent.json",
  "rename intent.json",
  "open state.json",
  "write state.json",
  "rename state.json",
  "rename replica.json",
  "open lease.json",
  "write lease.json",
  "rename lease.json",
  // A writer that leaves takes its folder away.
  "remove lease.json",
  "remove intent.json",
  "remove state.json",
  "remove replica.json",
  "remove folder",
  "sync folder",
  // The bucket.
  "put ltx",
  "get ltx",
  "head ltx",
  "list prefix",
  "put lease",
  "get lease",
] as const;

export const CRASH_POINTS: readonly string[] = OPERATIONS.flatMap((operation) => [
  `before ${operation}`,
  `after ${operation}`,
]);
