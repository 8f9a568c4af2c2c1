/**
 * Whoever runs a reader on one machine: it follows the replica, looks again and again, and is
 * started anew after every end.
 */

import { LocalDeviceFactory, openMount } from "@headwater/vfs-core";
import type { Dice } from "../dice.ts";
import type { Machine } from "../machine/machine.ts";
import type { SimProcess } from "../machine/sim-process.ts";
import { codeOf, type World } from "../world.ts";
import { lookAll } from "./look.ts";

const LIFETIME_MS_MAX = 40_000;

export class Follower {
  readonly machine: Machine;
  readonly #world: World;
  readonly #dice: Dice;

  constructor(world: World, machine: Machine) {
    this.machine = machine;
    this.#world = world;
    this.#dice = world.dice.fork();
  }

  /** Until the run is over. */
  async run(): Promise<void> {
    while (!this.#world.isOver) {
      await this.#world.scheduler.delay(this.#dice.between(0, 3_000));
      const process = this.#world.start(this.machine);
      await Promise.race([this.#live(process), process.ended]);
      process.kill("done");
    }
  }

  async #live(process: SimProcess): Promise<void> {
    const world = this.#world;
    const dice = this.#dice;
    const factory = new LocalDeviceFactory();
    let begun = world.history.mark;
    try {
      const mount = await openMount(
        {
          ...world.mountOptions(process, process.name),
          mode: "read",
          pollIntervalMs: dice.pick([0, 200, 1_000]),
          listIntervalMs: dice.pick([2_000, 30_000]),
          cacheBytes: dice.pick([0, 1_000_000]),
        },
        factory,
      );
      const endMs = world.scheduler.nowMs + dice.between(1_000, LIFETIME_MS_MAX);
      for (let isFresh = true; world.scheduler.nowMs < endMs && !world.isOver; ) {
        await this.#look(process, factory, isFresh ? begun : undefined);
        await process.wait(dice.between(0, 2_000));
        begun = world.history.mark;
        // A poll asks for the next file by its name: one that was compacted away is found later.
        const mayBeGone = world.faults.has("compaction");
        isFresh = dice.chance(0.3) && (await this.#poll(process, mount)) && !mayBeGone;
      }
      await mount.close();
    } catch (error) {
      world.explain(process, "following", error);
    }
  }

  async #poll(process: SimProcess, mount: { flush(): Promise<bigint> }): Promise<boolean> {
    try {
      // A poll that is under way may have begun before; the next one has not.
      await mount.flush();
      await mount.flush();
      return true;
    } catch (error) {
      this.#world.explain(process, "poll", error);
      return false;
    }
  }

  /** Twice or more through one snapshot, which must not move. `begun`: of what must be seen. */
  async #look(
    process: SimProcess,
    { device }: LocalDeviceFactory,
    begun: number | undefined,
  ): Promise<void> {
    const { history } = this.#world;
    const by = process.name;
    using snapshot = device!.snapshot();
    try {
      for (let looks = this.#dice.whole(1, 3); looks > 0; looks -= 1) {
        const found = await lookAll(this.#world, snapshot);
        if (process.isDead) return;
        const kind = begun === undefined ? "later" : "fresh";
        history.add({ type: "look", kind, by, begun: begun ?? history.mark, found });
        this.#world.scheduler.trace(
          `${by} sees ${found.type === "commit" ? found.id : found.type} at ${snapshot.txid}`,
        );
        this.#world.count("look");
        await process.wait(this.#dice.between(0, 2_000));
      }
    } catch (error) {
      if (codeOf(error) === "CLOSED") throw error;
      this.#world.explain(process, "look", error);
    }
  }
}
