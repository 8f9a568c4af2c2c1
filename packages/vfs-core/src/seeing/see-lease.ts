/**
 * A lease that lets others see its work: how it was had, each renewal and look, its end.
 */

import type { Lease } from "@headwater/lease";
import { type ObjectStore, type RequestTrace, traced } from "@headwater/object-store";
import type { Clock } from "../clock.ts";
import { summarizeError } from "../status.ts";
import type { LeaseMessage } from "./messages.ts";
import type { Seeing } from "./seeing.ts";

type Action = LeaseMessage["action"];

/** What a request of a lease is for while it is held. */
const ACTIONS: Readonly<Record<string, Action>> = { put: "renew", get: "check" };

/** `acquire` is given the store to acquire it in. */
export async function seeLease(
  seeing: Seeing,
  clock: Clock,
  store: ObjectStore,
  acquire: (store: ObjectStore) => Promise<Lease>,
): Promise<Lease> {
  let held: Lease | undefined;
  const onRequest = (trace: RequestTrace) => {
    const action = ACTIONS[trace.operation];
    if (held?.state.type !== "held" || action === undefined) return;
    const { durationMs, requests, bytesRead, bytesWritten, outcome } = trace;
    const error = outcome === "ok" ? undefined : { code: outcome, message: outcome };
    const bytes = bytesRead + bytesWritten;
    const { generation } = held;
    seeing.tell("lease", { action, generation, durationMs, requests, bytes, error });
  };
  const wrapped = traced(store, { onRequest, clock });
  const lease = await seeAction(
    seeing,
    "acquire",
    () => acquire(wrapped),
    (acquired) => acquired?.generation,
  );
  held = lease;
  const { generation } = lease;
  const onLost = () => {
    const error = summarizeError(lease.lost.reason);
    const nothing = { durationMs: 0, requests: 0, bytes: 0 };
    seeing.tell("lease", { action: "lost", generation, ...nothing, error });
  };
  lease.lost.addEventListener("abort", onLost, { once: true });
  return releasingAs(lease, (release) => seeAction(seeing, "release", release, () => generation));
}

/** `generationOf` is given the result, or nothing when there is none. */
async function seeAction<Result>(
  seeing: Seeing,
  action: Action,
  work: () => Promise<Result>,
  generationOf: (result: Result | undefined) => bigint | undefined,
): Promise<Result> {
  const measure = seeing.measure("lease");
  try {
    const result = await work();
    seeing.tell("lease", { action, generation: generationOf(result), ...measure() });
    return result;
  } catch (error) {
    const why = summarizeError(error);
    const generation = generationOf(undefined);
    seeing.tell("lease", { action, generation, ...measure(), error: why });
    throw error;
  }
}

/** The same lease, which is released once, and that way. */
function releasingAs(lease: Lease, release: (work: () => Promise<void>) => Promise<void>): Lease {
  let releasing: Promise<void> | undefined;
  const releaseOnce = (): Promise<void> => {
    releasing ??= release(() => lease.release());
    return releasing;
  };
  return {
    key: lease.key,
    owner: lease.owner,
    generation: lease.generation,
    predecessor: lease.predecessor,
    lost: lease.lost,
    get state() {
      return lease.state;
    },
    check: (options) => lease.check(options),
    release: releaseOnce,
    [Symbol.asyncDispose]: releaseOnce,
  };
}
