/**
 * All of one run: time, dice, the store, what is to go wrong, and what happened.
 */

import {
  HeadwaterError,
  type MountOptions,
  type ReplicaLayout,
  replicaLayout,
} from "@headwater/vfs-core";
import { CRASH_POINTS } from "./crash-points.ts";
import { Dice } from "./dice.ts";
import { type FaultName, isMachineFault, isStoreFault, type StoreFault } from "./faults.ts";
import { type Bank, identify } from "./history/bank.ts";
import { type CommitId, type Found, History } from "./history/history.ts";
import { Machine } from "./machine/machine.ts";
import type { SimProcess } from "./machine/sim-process.ts";
import type { Mutation } from "./mutations.ts";
import { Scheduler } from "./scheduler.ts";
import { type Fate, fateOf, type Request, usualFate } from "./store/fate.ts";
import { withPrivateLease } from "./store/private-lease.ts";
import { RemoteStore } from "./store/remote-store.ts";
import { listFiles, readReplica } from "./store/replica-files.ts";
import { SimServer } from "./store/sim-server.ts";

export interface WorldOptions {
  readonly seed: number;
  /** What may go wrong; each run draws some of these. */
  readonly faults: readonly FaultName[];
  readonly mutations: readonly Mutation[];
  /** All of these faults, as often as it gets. */
  readonly isHarsh: boolean;
  readonly onTrace?: ((line: string) => void) | undefined;
}

const PATH = "lab/db";
/** Faults are drawn with this probability, so that no two runs have the same. */
const FAULT_SHARE = 0.5;
/** The part of requests that a fault befalls, in the worst run. */
const STORE_FAULT_RATE_MAX = 0.2;

export class World {
  readonly options: WorldOptions;
  readonly dice: Dice;
  readonly scheduler: Scheduler;
  readonly server: SimServer;
  readonly layout: ReplicaLayout;
  readonly history = new History();
  /** What each commit left behind. */
  readonly banks = new Map<CommitId, Bank>();
  readonly faults: ReadonlySet<FaultName>;
  readonly counts = new Map<string, number>();
  /** Nothing goes wrong any more. */
  isHealed = false;
  isOver = false;
  /** Processes that see listings as they were some time ago: a mutation. */
  readonly blind = new Set<SimProcess>();
  readonly #storeFaults: readonly StoreFault[];
  readonly #storeFaultRate: number;
  readonly #networkDice: Dice;

  constructor(options: WorldOptions) {
    const dice = new Dice(options.seed);
    this.options = options;
    this.dice = dice;
    this.scheduler = new Scheduler(dice.fork(), options.onTrace);
    this.server = new SimServer(this.scheduler, dice.fork());
    this.server.ignoresConditions = options.mutations.includes("ignored-conditions");
    this.layout = replicaLayout(this.server.store.keyLayout, PATH);
    this.#networkDice = dice.fork();
    const share = options.isHarsh ? 1 : FAULT_SHARE;
    const drawn = options.faults.filter(() => dice.chance(share));
    this.faults = new Set(drawn);
    this.#storeFaults = drawn.filter(isStoreFault);
    const rate = STORE_FAULT_RATE_MAX * dice.random() * dice.random();
    this.#storeFaultRate = options.isHarsh ? STORE_FAULT_RATE_MAX : rate;
    this.scheduler.trace(`seed ${options.seed}: ${drawn.join(", ") || "no faults"}`);
  }

  machine(name: string): Machine {
    const machine = new Machine(name, this.scheduler, this.dice.fork());
    const { mutations } = this.options;
    machine.disk.mutations = {
      ignoresSync: mutations.includes("ignored-flush"),
      forgets: mutations.includes("forgotten-intent") ? "intent.json" : undefined,
      forgetsImages: mutations.includes("forgotten-image"),
    };
    return machine;
  }

  /** The next process of a machine, which may be bound to crash somewhere. */
  start(machine: Machine): SimProcess {
    const process = machine.start();
    const losesPower = this.faults.has("power-loss") && this.dice.chance(0.5);
    const mayCrash = !this.isHealed && (losesPower || this.faults.has("crash"));
    if (mayCrash && this.dice.chance(this.options.isHarsh ? 1 : 0.4)) {
      const point = this.dice.pick(CRASH_POINTS);
      process.plan = { point, skip: this.dice.whole(0, this.dice.pick([2, 15])), losesPower };
      process.onPlannedCrash = () => this.count(`crash ${point}`);
    }
    return process;
  }

  /** What the mounts of a process have in common. `author`: of what it puts. */
  mountOptions(process: SimProcess, author: string): Omit<MountOptions, "mode" | "journalDir"> {
    const chooseFate = (request: Request) => this.#fateOf(request);
    const isBlind = () => this.blind.has(process);
    const remote = new RemoteStore({ server: this.server, process, author, chooseFate, isBlind });
    const store = this.options.mutations.includes("unchecked-lease")
      ? withPrivateLease(remote, this.layout.lockKey, process.clock)
      : remote;
    return {
      name: "bank.db",
      store,
      path: PATH,
      url: `memory:lab/${PATH}`,
      clock: process.clock,
      random: this.dice.fork().random,
      requestTimeoutMs: 5_000,
    };
  }

  identify(pages: readonly Uint8Array[]): Found {
    return identify(pages, this.banks);
  }

  /** Where the bucket stands, in truth. */
  truth(): Found {
    try {
      return this.identify(readReplica(this.server, this.layout).pages);
    } catch (error) {
      return { type: "torn", why: `files that cannot be read: ${(error as Error).message}` };
    }
  }

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  /** Keeps what a process was told, unless it is dead. */
  explain(process: SimProcess, what: string, error: unknown): void {
    if (process.isDead) return;
    const code = codeOf(error);
    this.count(`error ${code}`);
    this.scheduler.trace(`${process.name} ${what}: ${textOf(error)}`);
    if (this.#isExplained(code)) return;
    this.history.add({ type: "error", by: process.name, text: `${what}: ${textOf(error)}` });
  }

  /** A process was told that somebody else has written. */
  refuse(process: SimProcess, code: string, journal: string): void {
    if (process.isDead) return;
    const key = listFiles(this.server, this.layout)[0]?.at(-1)?.key;
    const newest = key === undefined ? undefined : this.server.authors.get(key);
    this.history.add({ type: "refuse", by: process.name, code, journal, newest });
  }

  #isExplained(code: string): boolean {
    if (code === "ENOSPC" || code === "IMAGE_FAILED") return this.faults.has("disk-full");
    if (DAMAGE_CODES.has(code)) {
      return this.faults.has("short-body") || this.faults.has("stale-list");
    }
    return EXPECTED_CODES.has(code);
  }

  #fateOf(request: Request): Fate {
    const dice = this.#networkDice;
    if (this.isHealed || this.#storeFaults.length === 0) return usualFate(dice);
    if (!dice.chance(this.#storeFaultRate)) return usualFate(dice);
    const fault = dice.pick(this.#storeFaults);
    const fate = fateOf(fault, request, dice);
    if (fate !== undefined) this.count(fault);
    return fate ?? usualFate(dice);
  }

  get machineFaults() {
    return [...this.faults].filter(isMachineFault);
  }
}

/** What a store that fails, a lease that is lost and a process that is closed explain. */
const EXPECTED_CODES: ReadonlySet<string> = new Set([
  "CLOSED",
  "TIMEOUT",
  "REPLICA_NOT_FOUND",
  "SNAPSHOT_GONE",
  "STORE_UNAVAILABLE",
  "JOURNAL_CONFLICT",
  "LEASE_HELD",
  "FENCED",
  // As a page device says it.
  "READ_FAILED",
  "SYNC_FAILED",
  "READ_ONLY",
  "BUSY",
]);

/** Only bytes that are not those of the store explain these. */
const DAMAGE_CODES: ReadonlySet<string> = new Set([
  "REPLICA_DAMAGED",
  "PAGE_NOT_FOUND",
  "LEASE_INVALID",
  "CORRUPT",
]);

export function codeOf(error: unknown): string {
  if (HeadwaterError.is(error)) return error.code;
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "none";
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
