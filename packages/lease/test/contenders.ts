/**
 * Contenders for one lease as processes, and what is done to them: stopped for less and for more
 * than a takeover needs, and killed.
 *
 * What is done, and in which order, comes from the seed. When it hits is up to the machine.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../src/index.ts";
import { type LogEntry, parseLog } from "./check-log.ts";
import { seeded } from "./world.ts";

export interface ContenderOptions {
  readonly who: string;
  readonly store: ContenderStore;
  readonly ttlMs: number;
  readonly durationMs: number;
  readonly logPath: string;
  readonly seed: number;
  /** True: none of its clocks shows that it stood still. */
  readonly losesTime: boolean;
}

export type ContenderStore =
  | { readonly type: "file"; readonly root: string }
  | {
      readonly type: "s3";
      readonly prefix: string;
      readonly bucket: string;
      readonly endpoint: string;
      readonly region: string;
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
    };

interface Running {
  readonly who: string;
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
}

const ACTIONS = ["stop for long", "kill", "stop for short"] as const;
const NAMES = ["a", "b", "c"] as const;
/** Of the time at the end nothing is taken, so that all can finish. */
const CALM_MS = 3_000;
const LOG_POLL_MS = 150;

export class Contenders {
  readonly #options: Omit<ContenderOptions, "who" | "losesTime">;
  readonly #random: () => number;
  readonly #endMs: number;
  readonly #running = new Map<string, Running>();
  readonly #all: Running[] = [];

  constructor(options: Omit<ContenderOptions, "who" | "losesTime">) {
    this.#options = options;
    this.#random = seeded(options.seed);
    this.#endMs = systemClock.monotonicMs() + options.durationMs;
  }

  /** Resolves when all have ended by themselves; rejects when one failed. */
  async run(): Promise<void> {
    for (const name of NAMES) this.#start(name);
    let actions: string[] = [];
    while (systemClock.monotonicMs() < this.#endMs - CALM_MS) {
      await systemClock.sleep(200 + 600 * this.#random());
      if (actions.length === 0) actions = this.#shuffled(ACTIONS);
      await this.#disturb(actions.pop() ?? "");
    }
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  /** Ends what is left of them. */
  kill(): void {
    for (const { child } of this.#all) child.kill("SIGKILL");
  }

  async #disturb(action: string): Promise<void> {
    // Who has the lease is hit by what is to end in a takeover; anybody by the rest.
    const name = action === "stop for short" ? this.#pick(NAMES) : await this.#holder();
    const victim = name === undefined ? undefined : this.#running.get(name);
    if (name === undefined || victim === undefined) return;
    const { child, who } = victim;
    if (action === "kill") {
      child.kill("SIGKILL");
      this.#say({ event: "kills", who });
      this.#start(name);
      return;
    }
    const { ttlMs } = this.#options;
    // Half of the TTL for both margins, a second for the store's dates, another for their cut.
    const takeoverMs = 1.5 * ttlMs + 2_000;
    const durationMs =
      action === "stop for long"
        ? takeoverMs * (1.1 + 0.3 * this.#random())
        : ttlMs * (0.1 + 0.6 * this.#random());
    child.kill("SIGSTOP");
    this.#say({ event: "stops", who });
    await systemClock.sleep(Math.max(0, Math.min(durationMs, this.#leftMs())));
    this.#say({ event: "continues", who });
    child.kill("SIGCONT");
  }

  /** The name of who has the lease, as soon as somebody has that lives. */
  async #holder(): Promise<string | undefined> {
    while (this.#leftMs() > 0) {
      let holder: string | undefined;
      for (const { event, who } of parseLog(readFileSync(this.#options.logPath, "utf8"))) {
        if (event === "begins") holder = who;
        else if ((event === "ends" || event === "kills") && who === holder) holder = undefined;
      }
      if (holder !== undefined) return holder.split(".")[0];
      await systemClock.sleep(LOG_POLL_MS);
    }
    return undefined;
  }

  #start(name: string): void {
    const who = `${name}.${this.#all.length}`;
    const options: ContenderOptions = {
      ...this.#options,
      who,
      losesTime: name === NAMES[0],
      durationMs: Math.max(0, Math.round(this.#endMs - systemClock.monotonicMs())),
      seed: Math.floor(this.#random() * 0x1_0000_0000),
    };
    const script = join(import.meta.dirname, "contender.ts");
    const flags = ["--conditions=@headwater/source", "--disable-warning=ExperimentalWarning"];
    const child = spawn(process.execPath, [...flags, script], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, CONTENDER: JSON.stringify(options) },
    });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        if (code === 0 || signal === "SIGKILL") resolve();
        else reject(new Error(`contender ${who} ended with ${code ?? signal}: ${stderr}`));
      });
    });
    // Looked at in the end; until then it is no unhandled one.
    ended.catch(() => {});
    const running = { who, child, ended };
    this.#running.set(name, running);
    this.#all.push(running);
  }

  #say(entry: LogEntry): void {
    appendFileSync(this.#options.logPath, `\n${JSON.stringify(entry)}\n`);
  }

  #leftMs(): number {
    return this.#endMs - CALM_MS - systemClock.monotonicMs();
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)]!;
  }

  #shuffled<Item>(items: readonly Item[]): Item[] {
    const left = [...items];
    const mixed: Item[] = [];
    while (left.length > 0) {
      mixed.push(...left.splice(Math.floor(this.#random() * left.length), 1));
    }
    return mixed;
  }
}
