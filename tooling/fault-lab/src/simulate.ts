/**
 * One run: writers, followers, whatever goes wrong, and at the end what is left of it all.
 */

import { openReplica } from "@headwater/vfs-core";
import { disturb } from "./actors/disturber.ts";
import { Follower } from "./actors/follower.ts";
import { lookAll } from "./actors/look.ts";
import { Writer } from "./actors/writer.ts";
import { DEFAULT_FAULTS, type FaultName } from "./faults.ts";
import { findViolations, type Violation } from "./history/check.ts";
import type { HistoryEvent } from "./history/history.ts";
import type { Mutation } from "./mutations.ts";
import { readReplica, restoreReplica } from "./store/replica-files.ts";
import { World } from "./world.ts";

export interface SimulateOptions {
  readonly seed: number;
  readonly faults?: readonly FaultName[] | undefined;
  readonly mutations?: readonly Mutation[] | undefined;
  readonly writersMax?: number | undefined;
  readonly isHarsh?: boolean | undefined;
  readonly onTrace?: ((line: string) => void) | undefined;
}

export interface Outcome {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly events: readonly HistoryEvent[];
  /** The same for the same seed, on the same code. */
  readonly traceHash: string;
  /** How often each thing happened. */
  readonly counts: ReadonlyMap<string, number>;
  readonly drawnFaults: readonly FaultName[];
}

const RUN_MS = 30_000;
/** Enough for a lease to expire and for every late request to arrive. */
const QUIET_MS = 25_000;
const LOOK_MS = 5_000;

/** Rejects when the run itself went wrong, and says which it was. */
export async function simulate(options: SimulateOptions): Promise<Outcome> {
  try {
    return await runWorld(options);
  } catch (error) {
    throw new Error(`the run of seed ${options.seed} did not end`, { cause: error });
  }
}

async function runWorld(options: SimulateOptions): Promise<Outcome> {
  const { seed, faults = DEFAULT_FAULTS, mutations = [], writersMax = 3, onTrace } = options;
  const world = new World({ seed, faults, mutations, isHarsh: options.isHarsh ?? false, onTrace });
  const { dice, scheduler } = world;
  const writers = Array.from(
    { length: dice.whole(1, writersMax) },
    (_, index) => new Writer(world, world.machine(`w${index + 1}`)),
  );
  const followers = Array.from(
    { length: dice.whole(0, 2) },
    (_, index) => new Follower(world, world.machine(`f${index + 1}`)),
  );
  for (const actor of [...writers, ...followers]) void actor.run();
  const machines = [...writers, ...followers].map(({ machine }) => machine);
  void disturb(world, machines);
  for (let passedMs = 0; passedMs < RUN_MS; passedMs += LOOK_MS) {
    await scheduler.run(LOOK_MS);
    lookAtTruth(world);
  }
  world.isHealed = true;
  world.isOver = true;
  for (const { process } of machines) process?.kill("the end");
  await scheduler.run(QUIET_MS);
  lookAtTruth(world);
  await writeOnceMore(world);
  await restoreInTheEnd(world);
  return {
    seed,
    violations: findViolations(world.history.events),
    events: world.history.events,
    traceHash: scheduler.traceHash(),
    counts: world.counts,
    drawnFaults: [...world.faults],
  };
}

function lookAtTruth(world: World): void {
  const { history } = world;
  const found = world.truth();
  history.add({ type: "look", kind: "restore", by: "restore", begun: history.mark, found });
}

/** Faults are over: whoever comes now can write, and is told so. */
async function writeOnceMore(world: World): Promise<void> {
  const writer = new Writer(world, world.machine("last"));
  const writing = writer.writeOnce();
  await world.scheduler.run(QUIET_MS, writing);
  const result = await Promise.race([writing, Promise.resolve("it did not end")]);
  if (result !== undefined) {
    world.history.add({ type: "stuck", text: `a last writer could not write: ${result}` });
  }
}

/** Three ways to the same pages: file by file, merged as Litestream restores, and by the engine. */
async function restoreInTheEnd(world: World): Promise<void> {
  const { server, layout, history } = world;
  lookAtTruth(world);
  const { txid } = readReplica(server, layout);
  if (txid === 0n) return;
  const look = (by: string, pages: readonly Uint8Array[]) => {
    const found = world.identify(pages);
    history.add({ type: "look", kind: "restore", by, begun: history.mark, found });
  };
  try {
    look("restore", await restoreReplica(server, layout, txid));
  } catch (error) {
    history.add({ type: "error", by: "restore", text: String(error) });
  }
  const process = world.start(world.machine("reader"));
  const { name: _, ...options } = world.mountOptions(process, process.name);
  const begun = history.mark;
  const reading = (async () => {
    await using replica = await openReplica({ ...options, pollIntervalMs: 0 });
    using snapshot = replica.snapshot();
    const found = await lookAll(world, snapshot);
    history.add({ type: "look", kind: "fresh", by: "restore", begun, found });
  })();
  await world.scheduler.run(QUIET_MS, reading);
  await reading.catch((error: unknown) => {
    history.add({ type: "error", by: "reader", text: String(error) });
  });
}
