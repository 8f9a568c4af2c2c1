/**
 * A writer that never rests, with compaction and retention at short intervals, and two readers that
 * follow it with local images, for as long as one likes: one lives all the time, the other is
 * killed again and again and goes on with its image. And whether all of it was right.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child, type ChildEnd } from "../processes/child.ts";
import type { Place } from "../processes/run-processes.ts";
import { compareImages, type ImagesCompared } from "./compare-images.ts";
import { DurableNumbers } from "./durable-numbers.ts";
import { type Growth, measureGrowth, type Sample } from "./growth.ts";
import type { ReaderFacts, SoakNews, SoakTask, SoakWriterTask, WriterFacts } from "./soak-news.ts";
import type { StockSizes } from "./stock.ts";

export interface SoakSettings {
  readonly place: Pick<Place, "url" | "storeOptions">;
  readonly durationMs: number;
  /** Transactions of the writer. */
  readonly perSecond: number;
  readonly sizes: StockSizes;
  /** The second reader is killed about so often. */
  readonly killMs: number;
  readonly onNews?: ((line: string) => void) | undefined;
}

export interface SoakReport {
  /** What was wrong: nothing, if all is well. */
  readonly problems: readonly string[];
  readonly transactions: number;
  readonly looks: number;
  /** Of these, the ones that read every page and every body. */
  readonly thoroughLooks: number;
  /** Transactions that were held open, and those that had to end before. */
  readonly held: number;
  readonly gone: number;
  readonly kills: number;
  /** Images that were compared with a restore, and the bytes of each. */
  readonly imagesCompared: number;
  readonly imageBytes: number;
  /** Of the bucket, in the end. */
  readonly files: number;
  readonly reader: ReaderFacts | undefined;
  readonly growth: Readonly<Record<string, Growth>>;
}

/**
 * A reader that takes longer to see what is in the bucket has stopped following, also where the
 * machine has a lot of other things to do.
 */
const LAG_MS_MAX = 60_000;
const TELL_MS = 60_000;
/** After the end of the writing, for images to be complete. */
const LAST_MS = 120_000;

type Looked = Extract<SoakNews, { type: "looked" }>;

const SCRIPTS = {
  writer: new URL("./children/soak-writer.ts", import.meta.url),
  reader: new URL("./children/soak-reader.ts", import.meta.url),
};

export async function runSoak(settings: SoakSettings): Promise<SoakReport> {
  const folder = await mkdtemp(join(tmpdir(), "fault-lab-soak-"));
  try {
    return await new SoakRun(settings, folder).run();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class SoakRun {
  readonly #settings: SoakSettings;
  readonly #folder: string;
  readonly #problems: string[] = [];
  readonly #durable = new DurableNumbers(LAG_MS_MAX);
  readonly #samples = new Map<string, Sample[]>();
  readonly #running = new Set<Child<SoakNews>>();
  readonly #facts = new Map<string, WriterFacts | ReaderFacts>();
  readonly #counts = { looks: 0, thoroughLooks: 0, held: 0, gone: 0, kills: 0 };
  readonly #images: string[] = [];
  /** Of each child, when it was first heard of: before, it cannot be asked to end. */
  readonly #heard = new WeakMap<Child<SoakNews>, Promise<void>>();
  readonly #over = new AbortController();
  #onFirstDurable = () => {};

  constructor(settings: SoakSettings, folder: string) {
    this.#settings = settings;
    this.#folder = folder;
  }

  async run(): Promise<SoakReport> {
    const { durationMs, perSecond, sizes } = this.#settings;
    const filled = new Promise<void>((resolve) => {
      this.#onFirstDurable = resolve;
    });
    const writer = this.#begin<SoakWriterTask>(SCRIPTS.writer, {
      ...this.#taskOf("writer", "writer.db"),
      journalDir: join(this.#folder, "journal"),
      perSecond,
      sizes,
    });
    try {
      await Promise.race([filled, writer.ended]);
      const steady = this.#begin(SCRIPTS.reader, this.#taskOf("reader", "reader.db"));
      const restarting = this.#restart();
      await Promise.race([this.#passTime(durationMs), writer.ended, steady.ended]);
      this.#over.abort();
      const restarted = await restarting;
      await this.#finish([writer]);
      await this.#finish([steady, restarted]);
    } finally {
      for (const child of this.#running) child.kill();
      await Promise.all([...this.#running].map(({ ended }) => ended));
    }
    const compared = await this.#compare();
    return this.#report(compared);
  }

  async #passTime(durationMs: number): Promise<void> {
    const startMs = performance.now();
    for (;;) {
      const passedMs = performance.now() - startMs;
      if (passedMs >= durationMs) return;
      await sleep(Math.min(TELL_MS, durationMs - passedMs));
      const { looks, held, kills } = this.#counts;
      const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
      this.#settings.onNews?.(
        `${minutes} min: transaction ${this.#durable.newest}, ${looks} looks, ${held} held, ` +
          `${kills} kills, ${this.#problems.length} problems`,
      );
    }
  }

  /** A reader that is killed and begun again; the last one, when all is over, lives. */
  async #restart(): Promise<Child<SoakNews>> {
    const { signal } = this.#over;
    for (let starts = 1; ; starts += 1) {
      const task = this.#taskOf(`restarted reader ${starts}`, "restarted.db");
      const child = this.#begin(SCRIPTS.reader, task);
      const pauseMs = this.#settings.killMs * (0.5 + Math.random());
      const pause = sleep(pauseMs, "passed", { signal }).catch(() => "over");
      if ((await Promise.race([pause, child.ended])) !== "passed") return child;
      this.#counts.kills += 1;
      child.kill();
      await child.ended;
    }
  }

  #begin<Of extends SoakTask>(script: URL, task: Of): Child<SoakNews> {
    const { name } = task;
    const must = this.#durable.newest;
    let seen = must;
    let hear = () => {};
    const heard = new Promise<void>((resolve) => {
      hear = resolve;
    });
    const onNews = (news: SoakNews) => {
      hear();
      if (news.type === "looked") seen = this.#look(name, news, seen);
      else this.#receive(task, news);
    };
    const child = new Child<SoakNews>({ script, task, onNews });
    this.#heard.set(child, heard);
    this.#running.add(child);
    void child.ended.then((end) => {
      this.#running.delete(child);
      this.#judge(name, end);
    });
    return child;
  }

  #receive({ name, imagePath }: SoakTask, news: Exclude<SoakNews, Looked>): void {
    switch (news.type) {
      case "durable":
        this.#durable.add(news.number, performance.now());
        this.#onFirstDurable();
        return;
      case "held":
        this.#counts.held += 1;
        return;
      case "gone":
        this.#counts.gone += 1;
        this.#settings.onNews?.(`${name}: ${news.why}`);
        return;
      case "wrong":
        this.#blame(`${name}: ${news.why}`);
        return;
      case "sampled":
        this.#samples.set(name, [...(this.#samples.get(name) ?? []), news.sample]);
        return;
      case "finished":
        this.#facts.set(name, news.facts);
        this.#images.push(imagePath);
    }
  }

  /** Gives the number of the transaction that was seen. */
  #look(name: string, { look, tookMs }: Looked, seenBefore: number): number {
    this.#counts.looks += 1;
    if (look.type === "unsound") {
      this.#blame(`${name}: ${look.why}`);
      return seenBefore;
    }
    if (look.digest !== undefined) this.#counts.thoroughLooks += 1;
    const { number } = look.tally;
    const must = Math.max(seenBefore, this.#durable.mustBeSeen(performance.now() - tookMs));
    if (number < must) this.#blame(`${name}: saw transaction ${number}, and not ${must}`);
    return Math.max(number, seenBefore);
  }

  #judge(name: string, { failure, wasKilled, stderr }: ChildEnd): void {
    if (wasKilled || this.#facts.has(name)) return;
    this.#blame(`${name} ended: ${failure?.code} ${failure?.message} ${stderr}`);
  }

  /** Lets them do what they have to, and end. */
  async #finish(children: readonly Child<SoakNews>[]): Promise<void> {
    const late = new AbortController();
    const ended = children.map(async (child) => {
      await Promise.race([this.#heard.get(child), child.ended]);
      child.stop();
      await child.ended;
    });
    const all = Promise.all(ended).then(() => false);
    const tooLate = sleep(LAST_MS, true, { signal: late.signal }).catch(() => false);
    const isLate = await Promise.race([all, tooLate]);
    late.abort();
    if (isLate) this.#blame(`after ${LAST_MS} ms not everybody had finished`);
  }

  /** What is in the bucket now, and what the images say of it. */
  #compare(): Promise<ImagesCompared> {
    const { place } = this.#settings;
    const tally = (this.#facts.get("writer") as WriterFacts | undefined)?.tally;
    return compareImages({ place, folder: this.#folder, tally, images: this.#images });
  }

  #report({ problems, count, bytes }: ImagesCompared): SoakReport {
    const writer = this.#facts.get("writer") as WriterFacts | undefined;
    const lasting = [...this.#samples].filter(([name]) => name === "writer" || name === "reader");
    const growth = Object.fromEntries(
      lasting.map(([name, samples]) => [name, measureGrowth(samples)]),
    );
    const grown = Object.entries(growth).flatMap(([name, one]) =>
      one.problems.map((problem) => `${name}: ${problem}`),
    );
    return {
      problems: [...this.#problems, ...problems, ...grown],
      transactions: this.#durable.newest,
      ...this.#counts,
      imagesCompared: count,
      imageBytes: bytes,
      files: writer?.files ?? 0,
      reader: this.#facts.get("reader") as ReaderFacts | undefined,
      growth,
    };
  }

  #taskOf(name: string, image: string): SoakTask {
    const { url, storeOptions } = this.#settings.place;
    return { name, url, storeOptions, imagePath: join(this.#folder, image) };
  }

  #blame(problem: string): void {
    this.#problems.push(problem);
    this.#settings.onNews?.(problem);
  }
}
