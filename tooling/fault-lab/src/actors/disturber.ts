/**
 * What befalls machines, at random moments, until the run heals.
 */

import type { Dice } from "../dice.ts";
import type { MachineFault } from "../faults.ts";
import { FREEZES, type Machine } from "../machine/machine.ts";
import type { World } from "../world.ts";

export async function disturb(world: World, machines: readonly Machine[]): Promise<void> {
  const dice = world.dice.fork();
  const faults = world.machineFaults;
  if (faults.length === 0) return;
  const paceMs = world.options.isHarsh ? 2_000 : dice.pick([3_000, 10_000]);
  for (;;) {
    await world.scheduler.delay(dice.between(0, 2 * paceMs));
    if (world.isHealed) return;
    const fault = dice.pick(faults);
    const busy = machines.filter(({ process }) => process?.isDead === false);
    const machine = dice.pick(busy.length > 0 ? busy : machines);
    world.count(fault);
    world.scheduler.trace(`${machine.name}: ${fault}`);
    BEFALL[fault](machine, dice, world);
  }
}

type Befall = (machine: Machine, dice: Dice, world: World) => void;

const BEFALL: Readonly<Record<MachineFault, Befall>> = {
  crash: (machine) => machine.process?.kill("crash"),
  "power-loss": (machine) => machine.losePower(),
  freeze: (machine, dice) => {
    const durationMs = dice.chance(0.5) ? dice.between(0, 3_000) : dice.between(3_000, 20_000);
    machine.freeze(dice.pick(FREEZES), durationMs);
  },
  "wall-jump": (machine, dice) => machine.setWallClock(dice.between(-20_000, 20_000)),
  "disk-full": (machine, dice, { scheduler }) => {
    machine.disk.isFull = true;
    scheduler.after(dice.between(0, 8_000), `${machine.name}: space on the disk`, () => {
      machine.disk.isFull = false;
    });
  },
};
