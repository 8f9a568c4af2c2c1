/**
 * Values of Litestream's settings, as they are written in variables and in file names.
 *
 * What Litestream 0.5.17 takes is taken here and means the same. What it silently takes for
 * something else, or ends the process with, is refused.
 */

import { resolve } from "node:path";
import { parseDuration } from "../parse-duration.ts";

/** A kind of value: undefined from `parse` for a text that `allowed` does not describe. */
export interface ValueKind<Value> {
  readonly allowed: string;
  readonly parse: (text: string) => Value | undefined;
}

export const LOG_LEVELS = ["DEBUG", "INFO", "WARN", "ERROR"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const SWITCHES: Readonly<Record<string, boolean>> = {
  "1": true,
  true: true,
  t: true,
  yes: true,
  on: true,
  "0": false,
  false: false,
  f: false,
  no: false,
  off: false,
};

/** Timers cannot wait longer, and begin anew at once instead. */
const INTERVAL_MS_MAX = 24 * 24 * 3_600_000;
/** Litestream's own, which it takes 0 for. */
const DEFAULT_INTERVAL_MS = 1000;

export const switchValue: ValueKind<boolean> = {
  allowed: '"true" or "false"',
  parse(text) {
    const word = text.toLowerCase();
    return Object.hasOwn(SWITCHES, word) ? SWITCHES[word] : undefined;
  },
};

export const urlValue: ValueKind<string> = {
  allowed: "the URL of a replica, such as s3://bucket/app.db",
  parse: (text) => (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(text) ? text : undefined),
};

/** Other folders may be current by the time that it is used. */
export const pathValue: ValueKind<string> = {
  allowed: "a path",
  parse: (text) => (text.includes("\0") ? undefined : resolve(text)),
};

export const levelValue: ValueKind<LogLevel> = {
  allowed: "DEBUG, INFO, WARN or ERROR",
  parse: (text) => LOG_LEVELS.find((level) => level === text.toUpperCase()),
};

/** Milliseconds, whole ones. */
export const pauseValue: ValueKind<number> = {
  allowed: 'a duration above 0, such as "500ms", "1s" or "1m30s"',
  parse(text) {
    const ms = parseDuration(text);
    return ms === undefined || ms <= 0 ? undefined : wholeMs(ms);
  },
};

/** The same, or 0 for the default. */
export const intervalValue: ValueKind<number> = {
  allowed: 'a duration, such as "500ms", "1s" or "1m30s"',
  parse(text) {
    const ms = parseDuration(text);
    if (ms === undefined || ms < 0) return undefined;
    return ms === 0 ? DEFAULT_INTERVAL_MS : wholeMs(ms);
  },
};

export const bytesValue: ValueKind<number> = {
  allowed: "a number of bytes, such as 10485760",
  parse(text) {
    const count = Number(text);
    return /^\+?\d+$/.test(text) && Number.isSafeInteger(count) ? count : undefined;
  },
};

function wholeMs(ms: number): number {
  return Math.min(Math.ceil(ms), INTERVAL_MS_MAX);
}
