/**
 * What a mount tells, as lines of text for people who look for what went wrong.
 *
 * Always true: without settings nothing is written but what goes wrong, on stderr; a line that
 * cannot be written is lost, and stops nobody.
 */

import { openSync, writeSync } from "node:fs";
import type { Clock, MountEvent } from "@headwater/vfs-core";
import { LOG_LEVELS, type LogLevel } from "./setting-values.ts";
import { invalid, type Settings } from "./settings.ts";

export type LogFields = Readonly<Record<string, unknown>>;
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

const STDERR = 2;

/** Files stay open as long as the process, as there are as many as values of the setting. */
const files = new Map<string, number>();

export function openLog(
  { logLevel, logFile }: Pick<Settings, "logLevel" | "logFile">,
  clock: Pick<Clock, "nowMs">,
): Log {
  const file = logFile === undefined ? STDERR : openFile(logFile);
  const lowest = logLevel ?? (logFile === undefined ? "WARN" : "INFO");
  return (level, message, fields = {}) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(lowest)) return;
    const time = new Date(clock.nowMs()).toISOString();
    const parts = { time, level, msg: message, ...fields };
    const texts = Object.entries(parts).flatMap(([name, value]) => formatField(name, value));
    try {
      writeSync(file, `${texts.join(" ")}\n`);
    } catch {
      // Whoever could be told reads the same file.
    }
  };
}

function openFile(path: string): number {
  const opened = files.get(path);
  if (opened !== undefined) return opened;
  try {
    const file = openSync(path, "a", 0o600);
    files.set(path, file);
    return file;
  } catch (error) {
    const { message } = error as Error;
    throw invalid(`LITESTREAM_LOG_FILE cannot be ${JSON.stringify(path)}: ${message}`);
  }
}

/** What an event is called in the log, and how bad it is. */
const EVENTS = {
  synced: ["INFO", "synced to remote"],
  syncFailed: ["WARN", "sync failed"],
  fenced: ["ERROR", "another writer has taken over"],
  promoted: ["INFO", "write support enabled"],
  demoted: ["INFO", "write support disabled"],
  remoteCommit: ["DEBUG", "new transaction"],
  replicaReset: ["WARN", "another database has taken the place of the one that was read"],
  followFailed: ["WARN", "polling failed"],
  hydrating: ["DEBUG", "hydrating"],
  hydrated: ["INFO", "hydration complete"],
  hydrationFailed: ["WARN", "hydration failed"],
} as const satisfies Record<MountEvent["type"], readonly [level: LogLevel, message: string]>;

export function logEvent(log: Log, replica: string, event: MountEvent): void {
  const { type, ...fields } = event;
  const [level, message] = EVENTS[type];
  log(level, message, { replica, ...fields });
}

/** `name=value`, quoted where it has to be. */
function formatField(name: string, value: unknown): string[] {
  if (value === undefined) return [];
  if (typeof value === "bigint") return [`${name}=${value.toString(16).padStart(16, "0")}`];
  const text = typeof value === "object" ? messageOf(value) : textOf(value);
  return [`${name}=${/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`];
}

function textOf(value: unknown): string {
  return typeof value === "number" ? String(Math.round(value)) : String(value);
}

function messageOf(value: unknown): string {
  const { message } = (value ?? {}) as { message?: unknown };
  return typeof message === "string" ? message : JSON.stringify(value);
}
