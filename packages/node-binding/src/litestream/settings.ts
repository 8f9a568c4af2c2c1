/**
 * Litestream's configuration: environment variables, and parameters of the file name that is
 * opened, which go before them.
 *
 * Always true: an empty value counts as none, and a wrong one is refused in one sentence that names
 * the setting, the value and what is allowed, whether or not anything would use it.
 */

import { HeadwaterError, redactUrl } from "@headwater/vfs-core";
import {
  bytesValue,
  intervalValue,
  type LogLevel,
  levelValue,
  pathValue,
  pauseValue,
  switchValue,
  urlValue,
  type ValueKind,
} from "./setting-values.ts";

interface Setting<Value> {
  readonly variable?: string;
  readonly parameter?: string;
  readonly kind: ValueKind<Value>;
}

function setting<Value>(
  kind: ValueKind<Value>,
  variable: string | undefined,
  parameter?: string,
): Setting<Value> {
  return {
    kind,
    ...(variable === undefined ? {} : { variable }),
    ...(parameter === undefined ? {} : { parameter }),
  };
}

/** What is said of them is in the README, which a test compares with this. */
export const SETTINGS = {
  replicaUrl: setting(urlValue, "LITESTREAM_REPLICA_URL", "replica_url"),
  writeEnabled: setting(switchValue, "LITESTREAM_WRITE_ENABLED", "write_enabled"),
  syncIntervalMs: setting(intervalValue, "LITESTREAM_SYNC_INTERVAL", "sync_interval"),
  bufferPath: setting(pathValue, "LITESTREAM_BUFFER_PATH", "buffer_path"),
  hydrationEnabled: setting(switchValue, "LITESTREAM_HYDRATION_ENABLED", "hydration_enabled"),
  hydrationPath: setting(pathValue, "LITESTREAM_HYDRATION_PATH", "hydration_path"),
  pollIntervalMs: setting(pauseValue, undefined, "poll_interval"),
  cacheBytes: setting(bytesValue, undefined, "cache_size"),
  logLevel: setting<LogLevel>(levelValue, "LITESTREAM_LOG_LEVEL"),
  logFile: setting(pathValue, "LITESTREAM_LOG_FILE"),
} as const;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<Name extends SettingName> =
  (typeof SETTINGS)[Name] extends Setting<infer Value> ? Value : never;

/** What was given; undefined where nothing was. */
export type Settings = { readonly [Name in SettingName]: ValueOf<Name> | undefined };

/** Names and values of parameters, each ended by a zero, as the page device hands them over. */
export function parseParameters(text: string): ReadonlyMap<string, string> {
  const parts = text.split("\0");
  const parameters = new Map<string, string>();
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [name = "", value = ""] = parts.slice(at, at + 2);
    // As for SQLite, the first of several counts.
    if (!parameters.has(name)) parameters.set(name, value);
  }
  return parameters;
}

export function readSettings(
  parameters: ReadonlyMap<string, string>,
  env: NodeJS.ProcessEnv,
): Settings {
  const settings: Record<string, unknown> = {};
  for (const [name, { variable, parameter, kind }] of Object.entries(SETTINGS) as Entries) {
    const fromName = parameter === undefined ? undefined : parameters.get(parameter);
    const fromEnv = variable === undefined ? undefined : env[variable];
    if (fromName) settings[name] = readValue(kind, parameter as string, fromName);
    else if (fromEnv) settings[name] = readValue(kind, variable as string, fromEnv);
  }
  return settings as unknown as Settings;
}

type Entries = [name: string, setting: Setting<unknown>][];

function readValue(kind: ValueKind<unknown>, place: string, text: string): unknown {
  const value = kind.parse(text);
  if (value !== undefined) return value;
  throw invalid(`${place} cannot be ${shown(kind, text)}: it must be ${kind.allowed}`);
}

/** Where a setting was given that both can give, for messages. */
export function placeOf(
  name: "replicaUrl" | "bufferPath" | "hydrationPath",
  parameters: ReadonlyMap<string, string>,
): string {
  const { variable, parameter } = SETTINGS[name];
  return parameters.get(parameter as string) ? (parameter as string) : (variable as string);
}

export function invalid(sentence: string): HeadwaterError {
  return new HeadwaterError("OPTION_INVALID", sentence);
}

/** What should have been a URL may hold a key. */
function shown(kind: ValueKind<unknown>, text: string): string {
  return kind === urlValue ? redactUrl(text) : JSON.stringify(text);
}
