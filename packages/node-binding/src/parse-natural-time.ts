/**
 * Moments in words ("5 minutes ago", "yesterday at 10:30", "15 Jan 2026"), for looking back, as
 * Litestream takes them.
 *
 * Always true: a text is taken as a whole or not at all, in UTC unless it names a zone, whose day
 * "yesterday" is then of; a day or a month without a time of day is its first moment, and the name
 * of a weekday is the last one.
 */

import * as chrono from "chrono-node";
import { fractionMs } from "./fraction-ms.ts";

const DAY_MS = 86_400_000;
/** The time of day that chrono gives to a date which names none. */
const NOON_MS = DAY_MS / 2;
/** "next monday", "this friday": those that are to come. */
const TO_COME = /\b(?:next|this)\b/i;

/** Of "10:30:15.5" chrono would make 5 milliseconds after 10:30:15. */
const FRACTION = /(?<=\d:\d{2}:\d{2})\.(\d+)/;
/** Chrono takes it for the first moment of yesterday. */
const LAST_NIGHT = /\blast night\b/i;

/** Undefined for what is no moment. */
export function parseNaturalTime(text: string, nowMs: number): number | undefined {
  if (LAST_NIGHT.test(text)) return undefined;
  const [fraction = "", digits = ""] = FRACTION.exec(text) ?? [];
  const whole = text.replace(fraction, "");
  // Nobody who says "5 minutes" here means those to come.
  const ms = parseWhole(whole, nowMs) ?? parseWhole(`${whole} ago`, nowMs);
  return ms === undefined ? undefined : ms + fractionMs(digits);
}

/** The zone is in minutes east of UTC. */
function parseWhole(text: string, nowMs: number, zone = 0): number | undefined {
  const reference = { instant: new Date(nowMs), timezone: zone };
  const [found, ...others] = chrono.parse(text, reference);
  if (found === undefined || others.length > 0 || found.text.length !== text.length) {
    return undefined;
  }
  if (found.end !== undefined && found.end !== null) return undefined;
  const named = found.start.isCertain("timezoneOffset") ? found.start.get("timezoneOffset") : zone;
  if (named !== null && named !== zone) return parseWhole(text, nowMs, named);
  const atTimeOfDay = found.date().getTime();
  const ms = isDateAlone(found) ? atTimeOfDay - NOON_MS : atTimeOfDay;
  return lookBack(found, ms, nowMs);
}

/** "yesterday" and "3 days ago" have the time of day that it is now. */
function isDateAlone({ start }: chrono.ParsedResult): boolean {
  if (start.isCertain("hour")) return false;
  const tags = [...start.tags()];
  return !tags.some((tag) => /^(?:casualReference\/|result\/relativeDate)/.test(tag));
}

/** Chrono takes what is nearest, and of midnights the next. */
function lookBack({ start, text }: chrono.ParsedResult, ms: number, nowMs: number): number {
  if (start.isCertain("month") && !start.isCertain("year")) {
    const date = new Date(ms);
    const yearsOff = new Date(nowMs).getUTCFullYear() - (start.get("year") ?? 0);
    return date.setUTCFullYear(date.getUTCFullYear() + yearsOff);
  }
  if (ms <= nowMs || start.isCertain("day") || TO_COME.test(text)) return ms;
  if (start.isCertain("weekday")) return ms - 7 * DAY_MS;
  return start.tags().has("casualReference/midnight") ? ms - DAY_MS : ms;
}
