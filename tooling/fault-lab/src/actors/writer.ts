/**
 * Whoever runs a writer on one machine: starts it again after every end, on its old journal or an
 * empty one, and waits for the lease, or takes it over.
 */

import { type Mount, openMount, type WriteMountOptions } from "@headwater/vfs-core";
import { WriterDeviceFactory } from "@headwater/vfs-core/testing";
import type { Dice } from "../dice.ts";
import type { CommitId } from "../history/history.ts";
import type { Machine } from "../machine/machine.ts";
import type { SimProcess } from "../machine/sim-process.ts";
import { codeOf, type World } from "../world.ts";
import { WriterSession } from "./writer-session.ts";

/** Longer than it would be used, so that a run sees many. */
const LIFETIME_MS_MAX = 25_000;
/** Between a demotion and the promotion after it. */
const READER_MS_MAX = 8_000;
const TTL_MS = 2_500;
/** Each second counts as an hour, about. */
const COMPACTION = {
  levelIntervalsMs: [1_000, 4_000],
  snapshotIntervalMs: 10_000,
  snapshotRetentionMs: 15_000,
  level0RetentionMs: 2_000,
  retentionIntervalMs: 1_500,
};

export interface Journal {
  readonly dir: string;
  /** The last commit that was made on it. */
  last: CommitId | undefined;
  /** All that was written to it is still there. */
  isWhole: boolean;
}

export class Writer {
  readonly machine: Machine;
  readonly #world: World;
  readonly #dice: Dice;
  #journalCount = 0;
  #journal: Journal;

  constructor(world: World, machine: Machine) {
    this.machine = machine;
    this.#world = world;
    this.#dice = world.dice.fork();
    this.#journal = this.#newJournal();
    machine.onPowerLoss = () => {
      this.#journal.isWhole = false;
    };
  }

  /** Until the run is over. */
  async run(): Promise<void> {
    const { scheduler } = this.#world;
    while (!this.#world.isOver) {
      await scheduler.delay(this.#dice.between(0, 1_500));
      const process = this.#world.start(this.machine);
      // What happens in it ends with it, wherever it is.
      await Promise.race([this.#live(process), process.ended]);
      process.kill("done");
      if (this.#dice.chance(0.15)) this.#journal = this.#newJournal();
    }
  }

  /** Opens, commits, flushes and closes. Resolves with what kept it from that, or undefined. */
  async writeOnce(): Promise<string | undefined> {
    const process = this.#world.start(this.machine);
    const opened = await this.#open(process, 20_000);
    if (opened === undefined) return "it cannot open";
    const session = new WriterSession(this.#world, process, opened, this.#journal);
    if (!(await session.begin(opened.begun))) return "it cannot read";
    if (!(await session.commitAndFlush())) return "it cannot commit and flush";
    await session.close();
    return undefined;
  }

  async #live(process: SimProcess): Promise<void> {
    const opened = await this.#open(process);
    if (opened === undefined) return;
    const session = new WriterSession(this.#world, process, opened, this.#journal);
    if (!(await session.begin(opened.begun))) return;
    await session.work(this.#dice.between(500, LIFETIME_MS_MAX));
    while (!this.#world.isOver && this.#dice.chance(0.4) && (await session.stepDown())) {
      await session.readOn(this.#dice.between(0, READER_MS_MAX));
      if (!(await session.stepUp(this.#dice.pick([0, 10_000, 20_000])))) break;
      await session.work(this.#dice.between(500, LIFETIME_MS_MAX));
    }
    if (this.#dice.chance(0.7)) await session.close();
  }

  async #open(process: SimProcess, waitMs = this.#dice.pick([0, 3_000, 10_000])) {
    const world = this.#world;
    const journal = this.#journal;
    const { disk } = this.machine;
    const factory = new WriterDeviceFactory({
      files: disk.segmentsFor(process),
      lockFile: (path, text) => disk.lockFor(process, path, text),
    });
    const begun = world.history.mark;
    const heldUntilMs = this.#heldUntilMs();
    const options: WriteMountOptions = {
      ...world.mountOptions(process, journal.dir),
      mode: "write",
      journalDir: journal.dir,
      disk: disk.for(process),
      pollIntervalMs: this.#dice.pick([0, 1_000]),
      syncIntervalMs: this.#dice.pick([50, 300, 1_000, 3_000]),
      cacheBytes: this.#dice.pick([0, 1_000_000]),
      lease: { ttlMs: TTL_MS, owner: process.name, waitMs },
      durability: this.#dice.chance(0.2) ? "remote" : "eventual",
      compaction: world.faults.has("compaction") ? COMPACTION : "off",
    };
    try {
      const mount: Mount = await openMount(options, factory);
      world.count("writer opened");
      if (waitMs === 0 && world.server.nowMs() < heldUntilMs) world.count("lease taken at once");
      return { mount, device: factory.device, durability: options.durability!, begun };
    } catch (error) {
      world.explain(process, "opening", error);
      if (codeOf(error) === "JOURNAL_CONFLICT") {
        world.refuse(process, "JOURNAL_CONFLICT", journal.dir);
        // Somebody has looked at it, and given up what was stranded there.
        this.#journal = this.#newJournal();
      }
      return undefined;
    }
  }

  /** When the lease expires that somebody has now, by the store's clock. */
  #heldUntilMs(): number {
    const { server, layout } = this.#world;
    const object = server.bucket.find(layout.lockKey);
    if (object === undefined) return 0;
    const record = JSON.parse(new TextDecoder().decode(object.body)) as { released?: boolean };
    return record.released === true ? 0 : object.lastModifiedMs + TTL_MS;
  }

  #newJournal(): Journal {
    this.#journalCount += 1;
    const dir = `/${this.machine.name}/${this.#journalCount}`;
    return { dir, last: undefined, isWhole: true };
  }
}
