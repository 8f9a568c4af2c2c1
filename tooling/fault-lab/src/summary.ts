/**
 * What many runs came to, in a few lines.
 */

import type { Outcome } from "./simulate.ts";

export class Summary {
  runCount = 0;
  readonly #counts = new Map<string, number>();
  readonly #failed: Outcome[] = [];

  add(outcome: Outcome): void {
    this.runCount += 1;
    for (const [name, count] of outcome.counts) {
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
    }
    if (outcome.violations.length > 0) this.#failed.push(outcome);
  }

  get failed(): readonly Outcome[] {
    return this.#failed;
  }

  count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  render(): string {
    const counts = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    const width = Math.max(0, ...counts.map(([name]) => name.length));
    const lines = counts.map(([name, count]) => `  ${name.padEnd(width)}  ${count}`);
    const verdict =
      this.#failed.length === 0
        ? `${this.runCount} runs, no violation`
        : `${this.#failed.length} of ${this.runCount} runs with a violation`;
    return [...lines, verdict].join("\n");
  }
}

/** The first violations of a run, and how to see all of it. */
export function renderFailure({ seed, violations, drawnFaults, traceHash }: Outcome): string {
  const shown = violations.slice(0, 5).map(({ name, text }) => `  ${name}: ${text}`);
  const rest = violations.length - shown.length;
  return [
    `seed ${seed} (trace ${traceHash}; ${drawnFaults.join(", ") || "no faults"}):`,
    ...shown,
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ].join("\n");
}
