/**
 * Compares what was measured with the bars: `--check`.
 *
 * A bar without the measurements that it needs is not met, if its case was asked for.
 */

import type { Measurement } from "../measurement.ts";
import { BARS, type Bar, type Limit, type Spot } from "./bars.ts";
import { formatRatio, formatValue } from "./units.ts";

export interface BarResult {
  readonly bar: string;
  readonly met: boolean;
  /** What was found, in words. */
  readonly found: string;
}

interface Selection extends Spot {
  readonly case: string;
  readonly measure: string;
  readonly driver: string;
}

/** No store is as near as that; what counts then is the processor alone. */
const LATENCY_MS_NONE = 0;

/** Of these cases; of all when there are none given. */
export function checkBars(
  measurements: readonly Measurement[],
  cases?: ReadonlySet<string>,
): BarResult[] {
  const bars = BARS.filter(({ select }) => cases?.has(select.case) !== false);
  return bars.flatMap((bar) =>
    bar.drivers.flatMap((drivers) =>
      spotsOf(bar, measurements).map((spot) => check(bar, spot, drivers, measurements)),
    ),
  );
}

export function renderBars(results: readonly BarResult[]): string {
  return results
    .map(({ bar, met, found }) => `${met ? "pass" : "FAIL"}  ${bar}: ${found}`)
    .join("\n");
}

/** Where the bar says; or else everywhere where its case was measured, and at least somewhere. */
function spotsOf({ select }: Bar, measurements: readonly Measurement[]): readonly Spot[] {
  const { sizeMb, latencyMs } = select;
  if (sizeMb !== undefined) return [{ sizeMb, latencyMs }];
  const spots = new Map<string, Spot>();
  for (const one of measurements) {
    const isWanted = one.case === select.case && one.contender === "Headwater";
    if (!isWanted || one.latencyMs === LATENCY_MS_NONE) continue;
    spots.set(`${one.sizeMb}/${one.latencyMs}`, one);
  }
  return spots.size > 0 ? [...spots.values()] : [{ sizeMb: 0, latencyMs: undefined }];
}

function check(
  bar: Bar,
  { sizeMb, latencyMs }: Spot,
  [driver, otherDriver]: Bar["drivers"][number],
  measurements: readonly Measurement[],
): BarResult {
  const isEverywhere = bar.select.sizeMb === undefined && sizeMb > 0;
  const where = isEverywhere ? `, ${sizeMb} MB, ${latencyMs} ms` : "";
  const name = `${bar.bar} (${driver}${where})`;
  const select = { ...bar.select, sizeMb, latencyMs };
  const ours = find(measurements, "Headwater", { ...select, driver });
  const other = bar.contenders
    .flatMap(
      (who) => find(measurements, who, { ...select, ...bar.against, driver: otherDriver }) ?? [],
    )
    .sort((a, b) => a.summary.median - b.summary.median)[0];
  const isAlone = bar.contenders.length === 0;
  if (ours === undefined || (other === undefined && !isAlone)) {
    return { bar: name, met: false, found: "not measured" };
  }
  return { bar: name, ...judge(bar, ours, other ?? ours) };
}

function judge(limit: Limit, ours: Measurement, other: Measurement): Omit<BarResult, "bar"> {
  const [mine, theirs] = [ours.summary.median, other.summary.median];
  const value = formatValue(mine, ours.unit);
  if ("valueMax" in limit) return { met: mine <= limit.valueMax, found: value };
  const values = `${value} to ${formatValue(theirs, other.unit)}`;
  if ("excessMax" in limit) {
    const excess = mine - theirs;
    return {
      met: excess <= limit.excessMax,
      found: `${values}, ${formatValue(excess, ours.unit)} more`,
    };
  }
  const ratio = mine / theirs;
  return { met: ratio <= limit.ratioMax, found: `${values}, ${formatRatio(ratio)}` };
}

function find(
  measurements: readonly Measurement[],
  contender: string,
  selection: Selection,
): Measurement | undefined {
  const wanted = Object.entries({ ...selection, contender });
  return measurements.find((one) =>
    wanted.every(([name, value]) => one[name as keyof Measurement] === value),
  );
}
