/** What runs of the simulator stand on: time, processes that die, and disks that forget. */

import { describe, expect, it } from "vitest";
import { Dice } from "../src/dice.ts";
import { FREEZES, Machine } from "../src/machine/machine.ts";
import { Scheduler } from "../src/scheduler.ts";

function makeMachine(seed = 1) {
  const dice = new Dice(seed);
  const scheduler = new Scheduler(dice);
  return { scheduler, machine: new Machine("m", scheduler, dice) };
}

describe("time", () => {
  it("passes only as things happen, in their order", async () => {
    const { scheduler } = makeMachine();
    const seen: string[] = [];
    scheduler.after(2_000, "later", () => seen.push("later"));
    scheduler.after(1_000, "soon", () => seen.push("soon"));
    scheduler.cancel(scheduler.after(1_500, "never", () => seen.push("never")));
    await scheduler.run(1_800);
    expect(seen).toEqual(["soon"]);
    await scheduler.run(1_000);
    expect(seen).toEqual(["soon", "later"]);
    expect(scheduler.nowMs).toBe(2_800);
  });

  it.each(FREEZES)("stands still on a machine that is %s, as far as it should", async (kind) => {
    const { scheduler, machine } = makeMachine();
    const process = machine.start();
    let isAwake = false;
    void process.clock.sleep(1_000).then(() => {
      isAwake = true;
    });
    const [wallMs, monotonicMs] = [process.clock.nowMs(), process.clock.monotonicMs()];
    machine.freeze(kind, 5_000);
    await scheduler.run(4_000);
    expect(isAwake).toBe(false);
    await scheduler.run(4_000);
    expect(isAwake).toBe(true);
    const wallPassedMs = Math.round(process.clock.nowMs() - wallMs);
    const monotonicPassedMs = Math.round(process.clock.monotonicMs() - monotonicMs);
    expect(wallPassedMs).toBe(kind === "cut out" ? 3_000 : 8_000);
    expect(monotonicPassedMs).toBe(kind === "stopped" ? 8_000 : 3_000);
  });
});

describe("a process", () => {
  it("hears nothing any more once it is dead, and the next one does", async () => {
    const { scheduler, machine } = makeMachine();
    const [first, heard] = [machine.start(), [] as string[]];
    void first.clock.sleep(1_000).then(() => heard.push("first"));
    const second = machine.start();
    void second.clock.sleep(1_000).then(() => heard.push("second"));
    await scheduler.run(2_000);
    expect(first.isDead).toBe(true);
    expect(heard).toEqual(["second"]);
  });

  it("dies at the point that was planned, the so-manieth time", () => {
    const { machine } = makeMachine();
    const process = machine.start();
    process.plan = { point: "before put ltx", skip: 2, losesPower: false };
    const reached = Array.from({ length: 4 }, () => process.reach("before put ltx"));
    expect(reached).toEqual([true, true, false, false]);
    expect(process.reach("another")).toBe(false);
  });

  it("gives up its locks when it dies", () => {
    const { machine } = makeMachine();
    const first = machine.start();
    expect(machine.disk.lockFor(first, "/lock", "first").type).toBe("locked");
    expect(machine.disk.lockFor(first, "/lock", "again")).toEqual({ type: "held", text: "first" });
    const second = machine.start();
    expect(machine.disk.lockFor(second, "/lock", "second").type).toBe("locked");
  });
});

describe("a disk that loses power", () => {
  const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);
  const PATH = "/j/0000000000000001.journal";

  it("keeps what was flushed, and of the rest some from the front", () => {
    const left = new Set<string>();
    for (const seed of SEEDS) {
      const { machine } = makeMachine(seed);
      const files = machine.disk.segmentsFor(machine.start());
      files.create(PATH);
      files.append(PATH, "flushed;");
      files.sync(PATH);
      files.append(PATH, "more");
      machine.losePower();
      const text = machine.disk.segmentsFor(machine.start()).read(PATH);
      expect(text).toMatch(/^flushed;m?o?r?e?\0*$/);
      left.add(text);
    }
    expect(left.size).toBeGreaterThan(3);
  });

  it("may keep an old name instead of a new one, until the folder was flushed", async () => {
    const left = new Set<string | undefined>();
    for (const seed of SEEDS) {
      const { scheduler, machine } = makeMachine(seed);
      const disk = machine.disk.for(machine.start());
      const replace = async (text: string, isFlushed: boolean) => {
        await disk.write("/j/state.json.tmp", text);
        await disk.rename("/j/state.json.tmp", "/j/state.json");
        if (isFlushed) await disk.syncFolder("/j");
      };
      const written = replace("old", true).then(() => replace("new", false));
      await scheduler.run(1_000, written);
      machine.losePower();
      const reading = machine.disk.for(machine.start()).read("/j/state.json");
      await scheduler.run(1_000, reading);
      left.add(await reading);
    }
    expect([...left].sort()).toEqual(["new", "old"]);
  });

  it("refuses what has no room while it is full", async () => {
    const { scheduler, machine } = makeMachine();
    const process = machine.start();
    machine.disk.isFull = true;
    expect(() => machine.disk.segmentsFor(process).create(PATH)).toThrow("no space");
    const writing = machine.disk.for(process).write("/j/state.json", "text");
    const outcome = expect(writing).rejects.toMatchObject({ code: "ENOSPC" });
    await scheduler.run(1_000, writing);
    await outcome;
  });
});
