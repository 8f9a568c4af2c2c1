/**
 * Moments as people and programs write them: RFC 3339, and the relative and natural forms that
 * Litestream takes ("5 minutes ago", "yesterday at 10:30", "2026-01-15", seconds since 1970).
 *
 * Always true: what names no zone is in UTC, whatever the machine's zone is; and a text is taken
 * as a whole or not at all.
 */

import { fractionMs } from "./fraction-ms.ts";
import { parseNaturalTime } from "./parse-natural-time.ts";

/** A day alone is its first moment. */
const RFC_3339 = /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2})(\.\d+)?(Z|z|[+-]\d{2}:\d{2})?)?$/;
/** Seconds since 1970, or milliseconds. */
const EPOCH = /^\d{10}(\d{3})?$/;
/** Where the JavaScript calendar ends. */
const DATE_MS_MAX = 8.64e15;

/**
 * Milliseconds since the Unix epoch; undefined for what is no moment. A part of a millisecond
 * counts as a whole one (fraction-ms.ts).
 */
export function parseTime(text: string, nowMs: number): number | undefined {
  const trimmed = text.trim();
  const match = RFC_3339.exec(trimmed);
  if (match !== null) return parseRfc3339(match);
  const epoch = EPOCH.exec(trimmed);
  if (epoch !== null) return Number(trimmed) * (epoch[1] === undefined ? 1000 : 1);
  const ms = parseNaturalTime(trimmed, nowMs);
  return ms === undefined ? undefined : inCalendar(ms);
}

function parseRfc3339(match: RegExpExecArray): number | undefined {
  const [, date = "", time = "00:00:00", fraction = "", zone = "Z"] = match;
  const midnight = new Date(`${date}T00:00:00.000Z`);
  // The calendar's own days only: JavaScript makes the 3rd of March of the 31st of February.
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(date)) {
    return undefined;
  }
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  return inCalendar(ms + fractionMs(fraction.slice(1)));
}

function inCalendar(ms: number): number | undefined {
  return Math.abs(ms) <= DATE_MS_MAX ? ms : undefined;
}
