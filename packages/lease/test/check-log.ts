/**
 * Judges what contenders for one lease have written into the log that they share.
 *
 * The order of the lines is the only clock here: each line was appended as a whole, by processes of
 * one machine, before or after the thing it tells of. So a line proves that the thing came later,
 * or earlier, than the lines around it, even if its process stood still in between. What the lines
 * cannot prove is not reported.
 */

export type LogEntry =
  /** Before it asks for the lease. */
  | { readonly event: "wants"; readonly who: string }
  /** After it got the lease. */
  | { readonly event: "begins"; readonly who: string; readonly generation: number }
  /** What the store then showed it of the writes since a generation; `ids` are keys. */
  | {
      readonly event: "saw";
      readonly who: string;
      readonly generation: number;
      readonly since: number;
      readonly ids: readonly string[];
    }
  /** Before and after it looked whether the lease is its own. */
  | { readonly event: "looks"; readonly who: string; readonly generation: number }
  | { readonly event: "believes"; readonly who: string; readonly generation: number }
  /** Before a put of this key, and after the check that followed the put. */
  | {
      readonly event: "writes" | "acknowledges" | "refused";
      readonly who: string;
      readonly generation: number;
      readonly id: string;
    }
  /** It works no more: before a release, or because the lease was lost. */
  | { readonly event: "ends"; readonly who: string; readonly generation: number }
  /** Done to it from outside: after the signal was sent, and "continues" before. */
  | { readonly event: "stops" | "continues" | "kills"; readonly who: string };

export interface LogVerdict {
  /** One sentence for each promise that was not kept. */
  readonly violations: readonly string[];
  readonly counts: LogCounts;
}

export interface LogCounts {
  holders: number;
  acknowledged: number;
  takeoversAfterKill: number;
  takeoversDuringStop: number;
  /** Refused after they had stood still while another holder began. */
  refusedZombies: number;
}

/** Entries in order. A line that a killed process left half written is dropped. */
export function parseLog(text: string): LogEntry[] {
  const entries: LogEntry[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    try {
      entries.push(JSON.parse(line) as LogEntry);
    } catch {
      // Its process was killed within the write. That line has told nobody of anything.
    }
  }
  return entries;
}

export function checkLog(entries: readonly LogEntry[]): LogVerdict {
  const check = new LogCheck();
  for (const entry of entries) check.read(entry);
  check.compareWithWhatWasSeen();
  return { violations: check.violations, counts: check.counts };
}

interface Contender {
  /** Whether it still works under its generation, as far as it told. */
  isHolder: boolean;
  isStopped: boolean;
  wasStopped: boolean;
  isKilled: boolean;
  /** The newest generation in the log when it last wanted, or looked. */
  newestAtWant: number;
  newestAtLook: number;
}

class LogCheck {
  readonly violations: string[] = [];
  readonly counts: LogCounts = {
    holders: 0,
    acknowledged: 0,
    takeoversAfterKill: 0,
    takeoversDuringStop: 0,
    refusedZombies: 0,
  };
  readonly #contenders = new Map<string, Contender>();
  readonly #generations = new Set<number>();
  /** Key to the newest generation in the log when its put was still to come. */
  readonly #newestAtWrite = new Map<string, number>();
  readonly #acknowledged = new Map<string, number>();
  readonly #seen: { who: string; generation: number; since: number; ids: Set<string> }[] = [];
  #newest = 0;
  #newestHolder: Contender | undefined;

  read(entry: LogEntry): void {
    const contender = this.#contender(entry.who);
    switch (entry.event) {
      case "wants":
        contender.newestAtWant = this.#newest;
        break;
      case "begins":
        this.#begins(entry.who, contender, entry.generation);
        break;
      case "saw":
        this.#seen.push({ ...entry, ids: new Set(entry.ids) });
        break;
      case "looks":
        contender.newestAtLook = this.#newest;
        break;
      case "believes":
        this.#believes(entry.who, contender, entry.generation);
        break;
      case "writes":
        this.#newestAtWrite.set(entry.id, this.#newest);
        break;
      case "acknowledges":
        this.#acknowledges(entry.id, entry.generation);
        break;
      case "refused":
        if (contender.wasStopped && this.#newest > entry.generation) {
          this.counts.refusedZombies += 1;
        }
        break;
      case "ends":
        contender.isHolder = false;
        break;
      case "stops":
        contender.isStopped = true;
        contender.wasStopped = true;
        break;
      case "continues":
        contender.isStopped = false;
        break;
      case "kills":
        contender.isKilled = true;
        break;
    }
  }

  /** Each later holder must have found all that an earlier one was allowed to tell of. */
  compareWithWhatWasSeen(): void {
    for (const [id, generation] of this.#acknowledged) {
      for (const seen of this.#seen) {
        if (generation < seen.since || generation >= seen.generation) continue;
        if (seen.ids.has(id)) continue;
        const holder = `${seen.who}, generation ${seen.generation}`;
        this.violations.push(`${id} was acknowledged, but not there when ${holder}, began`);
      }
    }
  }

  #begins(who: string, contender: Contender, generation: number): void {
    this.counts.holders += 1;
    // One that stood still before it told may come late, but not if it had not even asked.
    if (generation <= contender.newestAtWant) {
      const before = contender.newestAtWant;
      this.violations.push(`${who} began as generation ${generation}, after ${before} had begun`);
    }
    if (this.#generations.has(generation)) {
      this.violations.push(`${who} is not the only holder of generation ${generation}`);
    }
    this.#generations.add(generation);
    contender.isHolder = true;
    contender.wasStopped = contender.isStopped;
    if (generation <= this.#newest) return;
    const last = this.#newestHolder;
    if (last?.isHolder && last.isKilled) this.counts.takeoversAfterKill += 1;
    if (last?.isHolder && last.isStopped) this.counts.takeoversDuringStop += 1;
    this.#newest = generation;
    this.#newestHolder = contender;
  }

  #believes(who: string, contender: Contender, generation: number): void {
    if (generation >= contender.newestAtLook) return;
    const newer = contender.newestAtLook;
    this.violations.push(`${who}, generation ${generation}, believed after ${newer} had begun`);
  }

  #acknowledges(id: string, generation: number): void {
    const newest = this.#newestAtWrite.get(id);
    if (newest === undefined) this.violations.push(`${id} was acknowledged, but never written`);
    else if (newest > generation) {
      this.violations.push(`${id} was acknowledged, but written after ${newest} had begun`);
    }
    this.#acknowledged.set(id, generation);
    this.counts.acknowledged += 1;
  }

  #contender(who: string): Contender {
    const known = this.#contenders.get(who);
    if (known !== undefined) return known;
    const contender: Contender = {
      isHolder: false,
      isStopped: false,
      wasStopped: false,
      isKilled: false,
      newestAtWant: 0,
      newestAtLook: 0,
    };
    this.#contenders.set(who, contender);
    return contender;
  }
}
