/**
 * Numbers as people read them: three digits that count, and the unit that suits.
 */

import type { Unit } from "../measurement.ts";

export function formatMs(ms: number): string {
  if (ms >= 10_000) return `${digits(ms / 1000)} s`;
  if (ms >= 0.1) return `${digits(ms)} ms`;
  return `${digits(ms * 1000)} µs`;
}

export function formatRatio(ratio: number): string {
  return `${digits(ratio)}x`;
}

export function formatValue(value: number, unit: Unit): string {
  return unit === "ms" ? formatMs(value) : `${digits(value)} ${unit}`;
}

/** Three significant digits, and no fewer than those before the point. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 0.01) return value.toFixed(2);
  return value.toPrecision(2);
}
