/**
 * Two writers that take over from each other, and followers, as real processes on a real bucket,
 * killed at random moments; and whether all of it was right.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child, type ChildEnd } from "./child.ts";
import { Ledger } from "./ledger.ts";
import type { News } from "./news.ts";

export interface Place {
  /** For Headwater. Nothing may be there. */
  readonly url: string;
  readonly storeOptions?: Readonly<Record<string, string>> | undefined;
  /** For litestream-vfs, if it has to be told otherwise. */
  readonly litestream?: { readonly url: string; readonly env?: NodeJS.ProcessEnv } | undefined;
}

export interface ProcessesSettings {
  readonly place: Place;
  readonly durationMs: number;
  /** Goes on beyond that time until so many writers have got the lease. Default 0. */
  readonly writersMin?: number;
  /** No more kills after these. */
  readonly killsMax: number;
  /** Whether litestream-vfs looks on. */
  readonly litestream: boolean;
  readonly onNews?: ((line: string) => void) | undefined;
}

export interface ProcessesReport {
  /** What was wrong: nothing, if all is well. */
  readonly problems: readonly string[];
  readonly kills: number;
  /** Processes that stood still for a while, and their clocks did not. */
  readonly freezes: number;
  readonly writerStarts: number;
  /** Writers that got the lease. */
  readonly writersOpened: number;
  /** Journals that were given up because another writer had written meanwhile. */
  readonly conflicts: number;
  readonly fenced: number;
  readonly durableTransfers: number;
  readonly followerLooks: number;
  readonly litestreamLooks: number;
}

const WRITERS = 2;
const KILL_PAUSE_MS_MAX = 3_000;
const FREEZE_CHANCE = 0.3;
/** Long enough for a lease to expire. */
const FREEZE_MS_MAX = 6_000;
/** After the last kill a writer must be able to go on within this. */
const LAST_WRITER_MS = 60_000;
/** How often a seat is given an empty disk. */
const EMPTY_DISK_CHANCE = 0.2;

const SCRIPTS = {
  writer: new URL("./children/writer.ts", import.meta.url),
  follower: new URL("./children/follower.ts", import.meta.url),
  litestream: new URL("./children/litestream-follower.ts", import.meta.url),
};

/** How a writer may end besides being killed: another one is there. */
const TAKEN_OVER = new Set(["FENCED", "LEASE_HELD", "SQLITE_READONLY", "JOURNAL_CONFLICT"]);

export async function runProcesses(settings: ProcessesSettings): Promise<ProcessesReport> {
  const folder = await mkdtemp(join(tmpdir(), "fault-lab-"));
  try {
    return await new ProcessesRun(settings, folder).run();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Counts = { -readonly [Name in keyof Omit<ProcessesReport, "problems">]: number };

class ProcessesRun {
  readonly #settings: ProcessesSettings;
  readonly #folder: string;
  readonly #ledger = new Ledger();
  readonly #running = new Set<Child>();
  readonly #counts: Counts = {
    kills: 0,
    freezes: 0,
    writerStarts: 0,
    writersOpened: 0,
    conflicts: 0,
    fenced: 0,
    durableTransfers: 0,
    followerLooks: 0,
    litestreamLooks: 0,
  };
  #journalCount = 0;
  #isOver = false;
  #nextDurable: (() => void) | undefined;

  constructor(settings: ProcessesSettings, folder: string) {
    this.#settings = settings;
    this.#folder = folder;
  }

  async run(): Promise<ProcessesReport> {
    const seats = Array.from({ length: WRITERS }, (_, index) => this.#runWriter(`w${index + 1}`));
    try {
      await this.#untilDurable();
      seats.push(this.#runFollower("follower"));
      if (this.#settings.litestream) seats.push(this.#runLitestream());
      await this.#disturb();
      await this.#untilDurable();
    } finally {
      this.#isOver = true;
      for (const child of this.#running) child.kill();
      await Promise.all(seats);
    }
    await this.#lookOnce();
    this.#counts.durableTransfers = this.#ledger.durableCount;
    return { problems: this.#ledger.problems, ...this.#counts };
  }

  async #disturb(): Promise<void> {
    const { durationMs, writersMin = 0, killsMax } = this.#settings;
    const endMs = performance.now() + durationMs;
    const isOver = () => performance.now() >= endMs && this.#counts.writersOpened >= writersMin;
    while (!isOver() && this.#counts.kills < killsMax) {
      await sleep(Math.random() * KILL_PAUSE_MS_MAX);
      const running = [...this.#running];
      const child = running[Math.floor(Math.random() * running.length)];
      if (child === undefined) continue;
      if (Math.random() < FREEZE_CHANCE) {
        this.#counts.freezes += 1;
        this.#tell(`freeze ${this.#counts.freezes}: ${child.name}`);
        child.freeze(Math.random() * FREEZE_MS_MAX);
        continue;
      }
      this.#counts.kills += 1;
      this.#tell(`kill ${this.#counts.kills}: ${child.name}`);
      child.kill();
    }
  }

  /** Until some writer is told that something is durable. */
  async #untilDurable(): Promise<void> {
    const told = new Promise<"told">((resolve) => {
      this.#nextDurable = () => resolve("told");
    });
    const end = new AbortController();
    const late = sleep(LAST_WRITER_MS, "late" as const, end).catch(() => "late" as const);
    const first = await Promise.race([told, late]);
    end.abort();
    if (first === "late") this.#ledger.report(`nothing became durable for ${LAST_WRITER_MS} ms`);
  }

  async #runWriter(seat: string): Promise<void> {
    let journalDir = this.#newJournal();
    for (let starts = 1; !this.#isOver; starts += 1) {
      const name = `${seat}-${starts}`;
      const must = this.#ledger.durableNow();
      this.#counts.writerStarts += 1;
      const end = await this.#live(SCRIPTS.writer, { name, journalDir }, (news) => {
        if (news.type === "opened") {
          this.#counts.writersOpened += 1;
          this.#tell(`${name} writes`);
          this.#ledger.look(name, news.audit, must);
        } else if (news.type === "durable") {
          this.#ledger.acknowledge(name, news.count);
          this.#nextDurable?.();
        }
      });
      this.#judgeWriter(name, end);
      const isStranded = end.failure?.code === "JOURNAL_CONFLICT";
      if (isStranded || Math.random() < EMPTY_DISK_CHANCE) journalDir = this.#newJournal();
    }
  }

  #judgeWriter(name: string, { failure, wasKilled, stderr }: ChildEnd): void {
    if (wasKilled) return;
    this.#tell(`${name} ended: ${failure?.code ?? stderr}`);
    if (failure?.code === "JOURNAL_CONFLICT") this.#counts.conflicts += 1;
    else if (failure !== undefined) this.#counts.fenced += 1;
    if (failure !== undefined && TAKEN_OVER.has(failure.code)) return;
    this.#ledger.report(`${name} ended: ${failure?.code} ${failure?.message} ${stderr}`);
  }

  async #runFollower(seat: string): Promise<void> {
    for (let starts = 1; !this.#isOver; starts += 1) {
      const name = `${seat}-${starts}`;
      const end = await this.#look(SCRIPTS.follower, name, () => {
        this.#counts.followerLooks += 1;
      });
      this.#judgeFollower(name, end);
    }
  }

  async #runLitestream(): Promise<void> {
    const { litestream, url } = this.#settings.place;
    // It fails to start when this is set.
    const { AWS_CA_BUNDLE: _, ...inherited } = process.env;
    const env = {
      ...inherited,
      ...litestream?.env,
      LITESTREAM_REPLICA_URL: litestream?.url ?? url,
      LITESTREAM_LOG_FILE: join(this.#folder, "litestream.log"),
    };
    for (let starts = 1; !this.#isOver; starts += 1) {
      const name = `litestream-${starts}`;
      const onLook = () => {
        this.#counts.litestreamLooks += 1;
      };
      this.#judgeFollower(name, await this.#look(SCRIPTS.litestream, name, onLook, env));
    }
  }

  #judgeFollower(name: string, { failure, wasKilled, stderr }: ChildEnd): void {
    if (wasKilled) return;
    this.#ledger.report(`${name} failed: ${failure?.code} ${failure?.message} ${stderr}`);
  }

  /** A reader, until it ends. */
  #look(script: URL, name: string, onLook: () => void, env?: NodeJS.ProcessEnv): Promise<ChildEnd> {
    const must = this.#ledger.durableNow();
    const onNews = (news: News) => {
      if (news.type !== "opened" && news.type !== "looked") return;
      onLook();
      this.#ledger.look(name, news.audit, must);
    };
    return this.#live(script, { name }, onNews, env);
  }

  /** Everything has ended: what is in the bucket now is what there is. */
  async #lookOnce(): Promise<void> {
    const must = this.#ledger.durableNow();
    let child: Child | undefined;
    const onNews = (news: News) => {
      if (news.type === "opened") this.#ledger.look("the last reader", news.audit, must);
      child?.kill();
    };
    const task = { name: "the last reader", ...this.#storeOf() };
    child = new Child({ script: SCRIPTS.follower, task, onNews });
    const end = await child.ended;
    if (!end.wasKilled) this.#judgeFollower("the last reader", end);
  }

  async #live(
    script: URL,
    task: { readonly name: string; readonly journalDir?: string },
    onNews: (news: News) => void,
    env?: NodeJS.ProcessEnv,
  ): Promise<ChildEnd> {
    const child = new Child({ script, task: { ...task, ...this.#storeOf() }, env, onNews });
    this.#running.add(child);
    if (this.#isOver) child.kill();
    const end = await child.ended;
    this.#running.delete(child);
    return end;
  }

  #storeOf() {
    const { url, storeOptions } = this.#settings.place;
    return { url, storeOptions };
  }

  #newJournal(): string {
    this.#journalCount += 1;
    return join(this.#folder, `journal-${this.#journalCount}`);
  }

  #tell(line: string): void {
    this.#settings.onNews?.(line);
  }
}
