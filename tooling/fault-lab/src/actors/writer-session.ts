/**
 * What a program does with a mount in write mode: transactions, flushes, readers that look on.
 *
 * Whatever it is told or sees goes into the history, and nothing does once its process is dead.
 */

import type { Mount } from "@headwater/vfs-core";
import type { WriterDevice } from "@headwater/vfs-core/testing";
import type { Dice } from "../dice.ts";
import { type Change, createBank, encodePage, findDifference, transfer } from "../history/bank.ts";
import type { CommitId, Found } from "../history/history.ts";
import type { SimProcess } from "../machine/sim-process.ts";
import { codeOf, type World } from "../world.ts";
import { lookAll } from "./look.ts";
import type { Journal } from "./writer.ts";

export interface OpenedWriter {
  readonly mount: Mount;
  readonly device: WriterDevice;
  /** "remote": a COMMIT that returns is an acknowledgement. */
  readonly durability: "eventual" | "remote";
}

const FIRST_LOOKS_MAX = 20;

export class WriterSession {
  readonly #world: World;
  readonly #process: SimProcess;
  readonly #mount: Mount;
  readonly #device: WriterDevice;
  readonly #durability: OpenedWriter["durability"];
  readonly #journal: Journal;
  readonly #dice: Dice;
  /** What the device shows. Undefined: no database. */
  #newest: CommitId | undefined;
  #isEnding = false;

  constructor(
    world: World,
    process: SimProcess,
    { mount, device, durability }: OpenedWriter,
    journal: Journal,
  ) {
    this.#world = world;
    this.#process = process;
    this.#mount = mount;
    this.#device = device;
    this.#durability = durability;
    this.#journal = journal;
    this.#dice = world.dice.fork();
  }

  /**
   * Looks at what was opened. `begun`: when the opening began. False when the store does not
   * answer.
   */
  async begin(begun: number): Promise<boolean> {
    for (let tries = 0; ; tries += 1) {
      try {
        using snapshot = this.#device.snapshot();
        const found = await lookAll(this.#world, snapshot);
        // Its journal may be less by now than what it has seen of it.
        if (this.#process.isDead) return false;
        const { history } = this.#world;
        const by = this.#process.name;
        history.add({ type: "look", kind: "fresh", by, begun, found });
        const { last, isWhole } = this.#journal;
        if (isWhole && last !== undefined) history.add({ type: "recover", by, last, found });
        this.#newest = found.type === "commit" ? found.id : undefined;
        this.#journal.last = this.#newest;
        this.#journal.isWhole = true;
        return true;
      } catch (error) {
        this.#world.explain(this.#process, "first look", error);
        if (tries === FIRST_LOOKS_MAX) return false;
        await this.#pause(500);
      }
    }
  }

  async work(durationMs: number): Promise<void> {
    const { scheduler } = this.#world;
    const { isHarsh } = this.#world.options;
    const endMs = scheduler.nowMs + durationMs;
    const isOver = () => this.#isEnding || scheduler.nowMs >= endMs || this.#world.isOver;
    const paceMs = this.#dice.pick(isHarsh ? [20, 200] : [100, 500, 2_000]);
    const repeat = async (pauseMs: number, work: () => Promise<void>) => {
      while (!isOver()) {
        await this.#pause(this.#dice.between(0, 2 * pauseMs));
        if (!isOver()) await work();
      }
    };
    await Promise.all([
      repeat(paceMs, () => this.#transact()),
      repeat(this.#dice.pick([500, 3_000]), async () => {
        await this.#flush();
      }),
      repeat(2_000, () => this.#lookOn()),
    ]);
  }

  /** One commit that is in the bucket when this resolves. */
  async commitAndFlush(): Promise<boolean> {
    const before = this.#newest;
    await this.#transact();
    if (this.#newest === before) return false;
    return this.#flush();
  }

  /** What is committed is in the bucket afterwards, if it says so. */
  async close(): Promise<void> {
    this.#isEnding = true;
    const id = this.#newest;
    try {
      await this.#mount.close();
      this.#acknowledge(id);
    } catch (error) {
      this.#world.explain(this.#process, "closing", error);
      this.#judgeFence(error);
    }
  }

  /** Everything is in the bucket afterwards, and somebody else may write. False: as before. */
  async stepDown(): Promise<boolean> {
    const id = this.#newest;
    try {
      await this.#mount.demote();
      this.#acknowledge(id);
      this.#world.count("demotion");
      return true;
    } catch (error) {
      const isFenced = this.#mount.status().sync?.state === "fenced";
      // It cannot upload its commits any more, and keeps them.
      if (isFenced && codeOf(error) === "JOURNAL_PENDING") this.#isEnding = true;
      else this.#onFailure("demotion", error);
      return false;
    }
  }

  /** What a reader sees never goes back. */
  async readOn(durationMs: number): Promise<void> {
    const { scheduler } = this.#world;
    const endMs = scheduler.nowMs + durationMs;
    while (scheduler.nowMs < endMs && !this.#world.isOver) {
      await this.#lookOn();
      await this.#pause(this.#dice.between(0, 1_000));
    }
  }

  /** A writer again, that has all that was acknowledged before. */
  async stepUp(waitMs: number): Promise<boolean> {
    const { history, blind, options } = this.#world;
    const begun = history.mark;
    const isBlind = options.mutations.includes("blind-promotion");
    try {
      if (isBlind) blind.add(this.#process);
      await this.#mount.promote({ waitMs });
    } catch (error) {
      this.#world.explain(this.#process, "promotion", error);
      return false;
    } finally {
      blind.delete(this.#process);
    }
    this.#world.count("promotion");
    return this.begin(begun);
  }

  async #transact(): Promise<void> {
    const parent = this.#newest;
    const bank = parent === undefined ? undefined : this.#world.banks.get(parent);
    try {
      // Its number is not known before it has read what it changes.
      const change = bank === undefined ? createBank(0) : transfer(bank, 0, this.#dice);
      if (parent !== undefined) await this.#readBefore(parent, change.pgnos);
      if (this.#process.isDead || this.#isEnding || this.#newest !== parent) return;
      await this.#commit(parent, change);
    } catch (error) {
      this.#onFailure("transaction", error);
    }
  }

  async #commit(parent: CommitId | undefined, { bank, pgnos }: Change): Promise<void> {
    const { history, banks, scheduler } = this.#world;
    const by = this.#process.name;
    const id = history.nextCommitId();
    const cells = bank.map((cell) => (cell.commit === 0 ? { ...cell, commit: id } : cell));
    const pages = pgnos.map((pgno) => [pgno, encodePage(pgno, cells[pgno - 1]!)] as const);
    // It may have happened even if the process does not live to be told.
    history.add({ type: "commit", id, parent, by });
    banks.set(id, cells);
    const isRemote = this.#durability === "remote";
    try {
      const isHasty = this.#world.options.mutations.includes("hasty-commit");
      if (isRemote && !isHasty) await this.#device.commitRemotely(new Map(pages), cells.length);
      else this.#device.commit(new Map(pages), cells.length);
    } catch (error) {
      // One that nobody knows the end of stops the writer.
      if (!this.#process.isDead && this.#device.writable) {
        history.add({ type: "rollback", id, by });
        this.#world.count("rollback");
      }
      throw error;
    }
    if (this.#process.isDead) return;
    scheduler.trace(`${by} commits ${id} on ${parent ?? "nothing"}`);
    this.#world.count("commit");
    this.#newest = id;
    this.#journal.last = id;
    if (!isRemote) return;
    this.#world.count("remote commit");
    this.#acknowledge(id);
  }

  /** As a transaction does before it writes: every page that it changes. */
  async #readBefore(id: CommitId, pgnos: readonly number[]): Promise<void> {
    using snapshot = this.#device.snapshot();
    const bank = this.#world.banks.get(id)!;
    for (const pgno of pgnos) {
      if (pgno > snapshot.pageCount) continue;
      const page = await snapshot.readPage(pgno);
      const why = findDifference(pgno, page, bank, id);
      if (why !== undefined) this.#seeTorn(this.#process.name, why);
    }
  }

  async #flush(): Promise<boolean> {
    const id = this.#newest;
    try {
      if (this.#dice.chance(0.5)) await this.#mount.flush();
      else await this.#device.sync();
      this.#acknowledge(id);
      return true;
    } catch (error) {
      this.#onFailure("flush", error);
      return false;
    }
  }

  /** A reader beside the writer: what it sees must not move, however long it looks. */
  async #lookOn(): Promise<void> {
    const { history } = this.#world;
    const last = this.#newest;
    // Of a reader of its own, since readers of one process may look in any order.
    const by = `${this.#process.name} reader at ${history.mark}`;
    using snapshot = this.#device.snapshot();
    let first: Found | undefined;
    try {
      for (let looks = this.#dice.whole(1, 3); looks > 0; looks -= 1) {
        const found = await lookAll(this.#world, snapshot);
        if (this.#process.isDead) return;
        if (first === undefined && last !== undefined) {
          history.add({ type: "recover", by, last, found });
        } else if (first !== undefined && !isSame(first, found)) {
          this.#seeTorn(by, "two states through one snapshot");
        }
        first ??= found;
        await this.#pause(this.#dice.between(0, 3_000));
      }
    } catch (error) {
      this.#onFailure("reader", error);
    }
  }

  #seeTorn(by: string, why: string): void {
    if (this.#process.isDead) return;
    const { history } = this.#world;
    const found: Found = { type: "torn", why };
    history.add({ type: "look", kind: "later", by, begun: history.mark, found });
  }

  #acknowledge(id: CommitId | undefined): void {
    if (this.#process.isDead || id === undefined) return;
    const by = this.#process.name;
    this.#world.scheduler.trace(`${by} was told that ${id} is durable`);
    this.#world.count("acknowledgement");
    this.#world.history.add({ type: "acknowledge", id, by });
  }

  #onFailure(what: string, error: unknown): void {
    if (this.#process.isDead) return;
    this.#world.explain(this.#process, what, error);
    const { sync } = this.#mount.status();
    if (sync?.state !== "fenced" || this.#isEnding) return;
    this.#judgeFence(sync.lastError);
    this.#isEnding = true;
  }

  /** Another writer is said to have written. */
  #judgeFence(error: unknown): void {
    const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
    if (code !== "FENCED" || !String(message).includes("written by somebody else")) return;
    this.#world.refuse(this.#process, "FENCED", this.#journal.dir);
  }

  #pause(durationMs: number): Promise<void> {
    return this.#process.wait(durationMs);
  }
}

function isSame(a: Found, b: Found): boolean {
  return a.type === "commit" && b.type === "commit" ? a.id === b.id : a.type === b.type;
}
