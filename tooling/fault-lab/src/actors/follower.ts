/**
 * Whoever runs a reader on one machine: it follows the replica, looks again and again, and is
 * started anew after every end.
 */

import { LocalDeviceFactory, type Mount, openMount } from "@headwater/vfs-core";
import { WriterDevice, WriterDeviceFactory } from "@headwater/vfs-core/testing";
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
    const { disk } = this.machine;
    const hydrates = dice.chance(0.5);
    // Only one of them reads from its image.
    const factory = hydrates
      ? new WriterDeviceFactory({
          openImage: disk.openImage,
          lockFile: (path, text) => disk.lockFor(process, path, text),
        })
      : new LocalDeviceFactory();
    const hydrate = { path: `/${this.machine.name}/image`, files: disk.imagesFor(process) };
    let begun = world.history.mark;
    try {
      const mount = await openMount(
        {
          ...world.mountOptions(process, process.name),
          mode: "read",
          pollIntervalMs: dice.pick([0, 200, 1_000]),
          listIntervalMs: dice.pick([2_000, 30_000]),
          cacheBytes: dice.pick([0, 1_000_000]),
          hydrate: hydrates ? hydrate : undefined,
          disk: disk.for(process),
        },
        factory,
      );
      const endMs = world.scheduler.nowMs + dice.between(1_000, LIFETIME_MS_MAX);
      for (let isFresh = true; world.scheduler.nowMs < endMs && !world.isOver; ) {
        await this.#look(process, factory, isFresh ? begun : undefined);
        await process.wait(dice.between(0, 2_000));
        begun = world.history.mark;
        isFresh = dice.chance(0.3) && (await this.#flush(process, mount));
      }
      await mount.close();
    } catch (error) {
      world.explain(process, "following", error);
    }
  }

  /** Afterwards it shows all that was acknowledged before. */
  async #flush(process: SimProcess, mount: Pick<Mount, "flush">): Promise<boolean> {
    try {
      if (!this.#world.options.mutations.includes("lazy-follower")) await mount.flush();
      this.#world.count("follower flush");
      return true;
    } catch (error) {
      this.#world.explain(process, "follower flush", error);
      return false;
    }
  }

  /** Twice or more through one snapshot, which must not move. `begun`: of what must be seen. */
  async #look(
    process: SimProcess,
    { device }: LocalDeviceFactory | WriterDeviceFactory,
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
          `${by} sees ${found.type === "commit" ? found.id : found.type}`,
        );
        this.#world.count("look");
        if (device instanceof WriterDevice && device.imageHits > 0) {
          this.#world.count("look at an image");
          device.imageHits = 0;
        }
        await process.wait(this.#dice.between(0, 2_000));
      }
    } catch (error) {
      if (codeOf(error) === "CLOSED") throw error;
      this.#world.explain(process, "look", error);
    }
  }
}
