/**
 * Two mounts of one replica that promote and demote in turn, with commits and reads in between.
 *
 * Nothing that was acknowledged is lost, each mount sees what it committed itself at once, and a
 * reader never sees anything but a state that there was.
 */

import { expect, it } from "vitest";
import { seededRandom } from "./support/random.ts";
import { openPlayer, type Player, seen } from "./support/roles.ts";
import { range, World } from "./support/world.ts";
import { pagesOf } from "./support/writing.ts";

const STEPS = 60;

/** What each page is, by the marks that were written last. */
type Model = readonly number[];

class Game {
  readonly world: World;
  readonly players: readonly Player[];
  readonly #random: (below: number) => number;
  /** Every state that there was, by what it reads as. */
  readonly #states = new Set<string>();
  #model: Model = [];
  #mark = 100;

  constructor(world: World, players: readonly Player[], random: (below: number) => number) {
    this.world = world;
    this.players = players;
    this.#random = random;
    this.#become([1, 1, 1]);
  }

  async step(): Promise<void> {
    const player = this.players[this.#random(this.players.length)]!;
    const isWriter = player.mount.mode === "write";
    const writers = this.players.filter(({ mount }) => mount.mode === "write");
    switch (this.#random(6)) {
      case 0:
        if (writers.length === 0) await player.mount.promote();
        else if (!isWriter) {
          await expect(player.mount.promote()).rejects.toMatchObject({ code: "LEASE_HELD" });
        }
        break;
      case 1:
        await player.mount.demote();
        break;
      case 2:
      case 3:
        if (isWriter) this.#commit(player);
        else expect(() => player.device.commit(new Map(), 0)).toThrow("READ_ONLY");
        break;
      case 4:
        await player.mount.flush();
        break;
      default:
        await this.#read(player);
    }
  }

  /** All of them see the end. */
  async finish(): Promise<void> {
    for (const { mount } of this.players) await mount.demote();
    for (const player of this.players) {
      await player.mount.flush();
      expect(await this.#marks(player)).toEqual(this.#model);
    }
  }

  #commit(player: Player): void {
    this.#mark += 1;
    const pageCount = 2 + this.#random(4);
    const next = range(1, pageCount).map((pgno) => this.#model[pgno - 1] ?? this.#mark);
    const changed = new Set([1, 1 + this.#random(pageCount)]);
    for (const pgno of changed) next[pgno - 1] = this.#mark;
    for (const pgno of range(1, pageCount)) if (next[pgno - 1] === this.#mark) changed.add(pgno);
    player.device.commit(pagesOf(this.world, [...changed], this.#mark), pageCount);
    this.#become(next);
  }

  #become(model: Model): void {
    this.#model = model;
    this.#states.add(model.join());
  }

  async #read(player: Player): Promise<void> {
    const marks = await this.#marks(player);
    if (player.mount.mode === "write") expect(marks).toEqual(this.#model);
    else expect(this.#states).toContain(marks.join());
  }

  async #marks(player: Player): Promise<Model> {
    const pages = await seen(player);
    return pages.map((page, index) => {
      const view = new DataView(page.buffer, page.byteOffset);
      expect(view.getUint32(0)).toBe(index + 1);
      return view.getUint32(4);
    });
  }
}

it.each(range(1, 12))("two mounts that change their roles lose nothing (seed %i)", async (seed) => {
  const world = new World();
  await world.write({ pages: range(1, 3) });
  const players = [await openPlayer(world), await openPlayer(world)];
  const game = new Game(world, players, seededRandom(seed));
  for (let step = 0; step < STEPS; step += 1) await game.step();
  await game.finish();
});
