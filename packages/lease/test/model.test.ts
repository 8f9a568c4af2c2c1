/**
 * Contenders with wrong clocks that stop and sleep at any moment, on a network that loses and
 * delays, and two promises that must hold through all of it.
 */

import type { ObjectStore } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { acquireLease, decodeRecord, type Lease, LeaseError } from "../src/index.ts";
import { type Fate, Machine, PROMPT, remote, seeded, server, World } from "./world.ts";

const KEY = "db/lock.json";
const TTL_MS = 6_000;
const CONTENDERS = 3;
const RUN_MS = 120_000;
const PAUSES = ["stopped", "asleep", "cut out"] as const;
const SEEDS = Number(process.env.HEADWATER_SEEDS ?? 40);

/** What the store saw, in its order: new holders, and the writes that holders made. */
type Event =
  | { readonly type: "holder"; readonly generation: bigint }
  | { readonly type: "write"; readonly id: string; readonly generation: bigint };

interface Variant {
  /** Whether the store tells its clock. */
  readonly serverDate: boolean;
  /** Whether machines lose time without any of their clocks showing it. */
  readonly cutOut: boolean;
}

interface Run extends Variant {
  readonly world: World;
  readonly random: () => number;
  readonly events: Event[];
  readonly acknowledged: Set<string>;
  readonly leases: Map<Machine, Lease>;
  readonly ended: AbortController;
}

function watched(store: ObjectStore, events: Event[]): ObjectStore {
  let newest = 0n;
  const put: ObjectStore["put"] = async (key, body, options) => {
    const meta = await store.put(key, body, options);
    if (key === KEY) {
      const record = decodeRecord(body);
      if (typeof record === "string") throw new Error(record);
      expect(record.generation).toBeGreaterThanOrEqual(newest);
      if (record.generation > newest) {
        newest = record.generation;
        events.push({ type: "holder", generation: newest });
      }
    } else {
      const generation = BigInt(new TextDecoder().decode(body));
      events.push({ type: "write", id: key, generation });
    }
    return meta;
  };
  return Object.assign(Object.create(store) as ObjectStore, {
    name: store.name,
    supports: store.supports,
    keyLayout: store.keyLayout,
    get: store.get.bind(store),
    put,
  });
}

function fateOf(random: () => number): Fate {
  const draw = random();
  if (draw < 0.8) return { type: "normal", thereMs: random() * 80, backMs: random() * 80 };
  if (draw < 0.85) return { type: "normal", thereMs: random() * 4_000, backMs: random() * 4_000 };
  if (draw < 0.9) return { type: "unavailable" };
  if (draw < 0.94) return { type: "unanswered" };
  if (draw < 0.98) {
    return { type: "lost", arrivesInMs: random() < 0.5 ? undefined : random() * 12_000 };
  }
  return { type: "hangs", arrivesInMs: random() * 12_000 };
}

/** Wants the lease, writes while it has it, tells only after a check, and starts again. */
async function contend(run: Run, machine: Machine, store: ObjectStore, name: string) {
  const { random, ended } = run;
  const { clock } = machine;
  let writes = 0;
  while (!ended.signal.aborted) {
    try {
      const lease = await acquireLease({
        store,
        key: KEY,
        owner: name,
        ttlMs: TTL_MS,
        wait: true,
        signal: ended.signal,
        clock,
        random,
      });
      run.leases.set(machine, lease);
      const untilMs = clock.monotonicMs() + random() * 30_000;
      while (lease.state.type === "held" && clock.monotonicMs() < untilMs) {
        await clock.sleep(random() * 1_500, { signal: ended.signal });
        writes += 1;
        const id = `writes/${name}-${writes}`;
        const body = new TextEncoder().encode(`${lease.generation}`);
        const { serverDateMs } = await store.put(id, body, { condition: { type: "none" } });
        await lease.check(random() < 0.5 ? {} : { serverDateMs });
        run.acknowledged.add(id);
      }
      await lease.release();
    } catch {
      // Lost, or the store failed. A person would look; a contender tries again.
      await clock.sleep(random() * 500).catch(() => {});
    }
  }
}

function disturb(run: Run, machines: readonly Machine[]): void {
  const { world, random } = run;
  const next = () => {
    const machine = machines[Math.floor(random() * machines.length)]!;
    // A wall clock that is set back within a sleep hides it, so that is time lost unnoticed too.
    if (random() < 0.15 && (run.cutOut || !machine.isPaused)) {
      machine.jumpWall((random() - 0.5) * 20_000);
    } else {
      const kinds = run.cutOut ? PAUSES : PAUSES.slice(0, 2);
      const kind = kinds[Math.floor(random() * kinds.length)]!;
      machine.pause(kind, random() < 0.7 ? random() * 3_000 : random() * 25_000);
    }
    // Not at once: between a jump and a sleep the holder has looked at its clocks.
    world.at(world.nowMs + 1_000 + random() * 8_000, next);
  };
  world.at(random() * 10_000, next);
}

function expectOneBeliever(run: Run): void {
  const believers = [...run.leases]
    .filter(([machine, lease]) => !machine.isPaused && lease.state.type === "held")
    .map(([, lease]) => `${lease.owner} (${lease.generation})`);
  expect(believers.length, `both believe: ${believers.join(", ")}`).toBeLessThan(2);
}

function expectAcknowledgedInOrder({ events, acknowledged }: Run, seed: number): void {
  let newest = 0n;
  for (const event of events) {
    if (event.type === "holder") newest = event.generation;
    else if (acknowledged.has(event.id)) {
      expect(event.generation, `seed ${seed}: ${event.id} is late`).toBe(newest);
    }
  }
}

async function simulate(seed: number, variant: Variant): Promise<Run> {
  const random = seeded(seed);
  const world = new World();
  const run: Run = {
    ...variant,
    world,
    random,
    events: [],
    acknowledged: new Set(),
    leases: new Map(),
    ended: new AbortController(),
  };
  const dateStepMs = random() < 0.5 ? 1_000 : 1;
  const offsetMs = (random() - 0.5) * 3_600_000;
  const { serverDate } = variant;
  const store = watched(server(world, { offsetMs, dateStepMs, serverDate }), run.events);
  const machines = Array.from({ length: CONTENDERS }, (_, index) => {
    const wallOffsetMs = (random() - 0.5) * 86_400_000;
    const machine = new Machine(world, { wallOffsetMs, rate: 0.998 + random() * 0.004 });
    const fates = () => fateOf(random);
    void contend(run, machine, remote(world, machine, store, fates), `c${index}`);
    return machine;
  });
  disturb(run, machines);
  // Who lost time unnoticed cannot but believe too long. That is what the check is for.
  await world.run(RUN_MS, () => (run.cutOut ? undefined : expectOneBeliever(run)));
  run.ended.abort();
  // The contenders end in order, so that nothing of this run goes on in the next.
  await world.run(60_000);
  return run;
}

describe("contenders with pauses, skewed clocks, lost and late answers", () => {
  const everySeed = async (variant: Variant) => {
    let acknowledged = 0;
    let holders = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const run = await simulate(seed, variant).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
      expectAcknowledgedInOrder(run, seed);
      acknowledged += run.acknowledged.size;
      holders += run.events.filter((event) => event.type === "holder").length;
    }
    // A model in which nothing happens proves nothing.
    expect(acknowledged).toBeGreaterThan(SEEDS * 10);
    expect(holders).toBeGreaterThan(SEEDS * 3);
  };

  it.each([
    ["a store that tells its clock", true],
    ["a store that does not", false],
  ])("never believe two at once, and acknowledge in order, on %s", async (_name, serverDate) => {
    await everySeed({ serverDate, cutOut: false });
  });

  it.each([
    ["a store that tells its clock", true],
    ["a store that does not", false],
  ])("acknowledge in order although they lose time unnoticed, on %s", async (_name, serverDate) => {
    await everySeed({ serverDate, cutOut: true });
  });

  it("make progress when all is well: released means taken within two polls", async () => {
    const world = new World();
    const store = server(world);
    const [first, second] = [new Machine(world), new Machine(world, { wallOffsetMs: 1e9 })];
    const options = { key: KEY, ttlMs: TTL_MS, random: seeded(1) };
    const near = remote(world, first, store, () => PROMPT);
    const far = remote(world, second, store, () => PROMPT);
    const taken: Lease[] = [];
    void acquireLease({ ...options, store: near, owner: "a", clock: first.clock }).then((lease) => {
      taken.push(lease);
    });
    await world.run(1_000);
    const held = acquireLease({ ...options, store: far, owner: "b", clock: second.clock });
    const refusal = held.catch((error: unknown) => error);
    await world.run(1_000);
    expect(LeaseError.is(await refusal, "LEASE_HELD")).toBe(true);
    void acquireLease({
      ...options,
      store: far,
      owner: "b",
      clock: second.clock,
      wait: true,
    }).then((lease) => {
      taken.push(lease);
    });
    await world.run(20_000);
    expect(taken.map((lease) => lease.owner)).toEqual(["a"]);
    void taken[0]!.release();
    await world.run(2_500);
    expect(taken.map((lease) => lease.generation)).toEqual([1n, 2n]);
    void taken[1]!.release();
    await world.run(1_000);
  });
});
