/**
 * What children were told and have seen, and whether the two fit.
 *
 * Always true: what one writer was told is durable is in everything that is opened later, in order,
 * and nobody who looks again sees less.
 */

import type { Audit, Held } from "./bank-database.ts";

export class Ledger {
  readonly problems: string[] = [];
  /** How many transfers of each writer are durable. */
  readonly #durable = new Map<string, number>();
  /** What each child saw last. */
  readonly #seen = new Map<string, Held>();

  /** For what is opened from now on. */
  durableNow(): Held {
    return Object.fromEntries(this.#durable);
  }

  get durableCount(): number {
    return [...this.#durable.values()].reduce((sum, count) => sum + count, 0);
  }

  acknowledge(writer: string, count: number): void {
    this.#durable.set(writer, count);
  }

  /** `must`: what was durable before the child began to open. */
  look(child: string, audit: Audit, must: Held): void {
    if (audit.type === "unsound") {
      this.report(`${child}: ${audit.why}`);
      return;
    }
    this.#compare(child, "was durable", audit.held, must);
    this.#compare(child, "was seen before", audit.held, this.#seen.get(child) ?? {});
    this.#seen.set(child, audit.held);
  }

  report(problem: string): void {
    this.problems.push(problem);
  }

  #compare(child: string, what: string, held: Held, must: Held): void {
    for (const [writer, count] of Object.entries(must)) {
      const found = held[writer] ?? 0;
      if (found >= count) continue;
      this.report(`${child}: ${found} transfers of ${writer}, of which ${count} ${what}`);
    }
  }
}
