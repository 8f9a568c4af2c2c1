/**
 * What can go wrong, by name. A run draws some of these, so that rare ones meet one another.
 */

/** What happens to one request, and where. */
export const STORE_FAULTS = {
  "lost-answer": "the request is done, and its answer never comes back",
  late: "the caller is told of a broken connection, and the request is done later",
  reset: "the connection breaks before anything is done",
  silence: "the request is done later or never, and nothing is ever answered",
  slow: "seconds pass on the way there or back",
  "conflict-409": "refused because of another request for the object",
  "raced-412": "done, but sent twice below us: the answer says that the object is there already",
  "throttled-429": "refused, with a time to stay away",
  "failed-500": "refused or done, nobody knows which",
  "busy-503": "refused for now",
  "truncated-body": "a body ends before its end, and the adapter says so",
} as const;

/** Outside of what a store may do: drawn only when it is asked for by name. */
export const BROKEN_STORE_FAULTS = {
  "short-body": "a body ends before its end, and nobody notices",
  "stale-list": "a listing does not show what was put in the last seconds",
} as const;

/** What happens to a process or its machine. */
export const MACHINE_FAULTS = {
  crash: "the process is killed; what it wrote stays",
  "power-loss": "the machine stops; what was not flushed may be lost or torn",
  freeze: "the process stands still, and its clocks with it or not",
  "wall-jump": "the wall clock is set",
  "disk-full": "nothing can be written for a while",
} as const;

export const REPLICA_FAULTS = {
  compaction: "files are merged and deleted all the time, as the holder of the lease does it",
} as const;

export const FAULTS = {
  ...STORE_FAULTS,
  ...BROKEN_STORE_FAULTS,
  ...MACHINE_FAULTS,
  ...REPLICA_FAULTS,
} as const;

export type StoreFault = keyof typeof STORE_FAULTS | keyof typeof BROKEN_STORE_FAULTS;
export type MachineFault = keyof typeof MACHINE_FAULTS;
export type FaultName = keyof typeof FAULTS;

export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

/** What runs draw from unless they are told otherwise. */
export const DEFAULT_FAULTS: readonly FaultName[] = FAULT_NAMES.filter(
  (name) => !(name in BROKEN_STORE_FAULTS),
);

export function isStoreFault(name: FaultName): name is StoreFault {
  return name in STORE_FAULTS || name in BROKEN_STORE_FAULTS;
}

export function isMachineFault(name: FaultName): name is MachineFault {
  return name in MACHINE_FAULTS;
}
