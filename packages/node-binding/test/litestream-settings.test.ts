/**
 * Litestream's variables and parameters: what each takes, and what it says of the rest.
 */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import {
  parseParameters,
  readSettings,
  SETTINGS,
  type SettingName,
} from "../src/litestream/settings.ts";

type Good = readonly [text: string, value: unknown];

const SWITCHES: readonly Good[] = [
  ["true", true],
  ["TRUE", true],
  ["1", true],
  ["t", true],
  ["on", true],
  ["yes", true],
  ["false", false],
  ["False", false],
  ["0", false],
  ["f", false],
  ["off", false],
  ["no", false],
];
const BAD_SWITCHES = ["maybe", "2", "-1", "true ", "enabled"];

const DURATIONS: readonly Good[] = [
  ["1s", 1000],
  ["500ms", 500],
  ["1m30s", 90_000],
  ["1.5s", 1500],
  [".5s", 500],
  ["2h45m", 9_900_000],
  ["+1s", 1000],
  ["100us", 1],
  ["1500\u00b5s", 2],
  ["1ns", 1],
  // No timer can wait longer.
  ["100000h", 24 * 24 * 3_600_000],
];
const BAD_DURATIONS = ["10", "1 s", "1d", "1S", "s", "-1s", "1s500", "one second", "1e3s", "NaN"];

const PATHS: readonly Good[] = [
  ["/var/lib/app/file", "/var/lib/app/file"],
  ["file", resolve("file")],
];

/** What each setting takes, and what it refuses. */
const VALUES: Readonly<Record<SettingName, readonly [readonly Good[], readonly string[]]>> = {
  replicaUrl: [
    ["s3://bucket/app.db?endpoint=localhost:9000", "gs://b/p", "file:///folder"].map(
      (url): Good => [url, url],
    ),
    ["bucket/app.db", "/folder", "://bucket", "1s3://bucket"],
  ],
  writeEnabled: [SWITCHES, BAD_SWITCHES],
  syncIntervalMs: [[...DURATIONS, ["0", 1000], ["0s", 1000]], BAD_DURATIONS],
  bufferPath: [PATHS, ["with\0zero"]],
  hydrationEnabled: [SWITCHES, BAD_SWITCHES],
  hydrationPath: [PATHS, ["with\0zero"]],
  pollIntervalMs: [DURATIONS, [...BAD_DURATIONS, "0", "0s"]],
  cacheBytes: [
    [
      ["10485760", 10_485_760],
      ["+5", 5],
      ["0", 0],
    ],
    ["10MB", "-1", "1.5", "1e6", "0x10", "1_000", "99999999999999999999"],
  ],
  logLevel: [
    [
      ["DEBUG", "DEBUG"],
      ["info", "INFO"],
      ["Warn", "WARN"],
      ["error", "ERROR"],
    ],
    ["trace", "verbose", "10"],
  ],
  logFile: [PATHS, ["with\0zero"]],
};

/** Each place that a setting can be given in. */
const PLACES = (Object.keys(SETTINGS) as SettingName[]).flatMap((name) => {
  const { variable, parameter } = SETTINGS[name];
  return [variable, parameter].flatMap((place) => (place === undefined ? [] : [{ name, place }]));
});

function read(place: string, text: string) {
  const isVariable = place.startsWith("LITESTREAM_");
  return isVariable
    ? readSettings(new Map(), { [place]: text })
    : readSettings(new Map([[place, text]]), {});
}

describe.each(PLACES)("$place", ({ name, place }) => {
  const [good, bad] = VALUES[name];

  it.each(good)("takes %j", (text, value) => {
    expect(read(place, text)[name]).toBe(value);
  });

  it.each(bad)("refuses %j, and says what it takes", (text) => {
    const shown = name === "replicaUrl" ? "" : `${JSON.stringify(text)}: `;
    expect(() => read(place, text)).toThrow(
      expect.objectContaining({
        code: "OPTION_INVALID",
        message: expect.stringMatching(/^\w+ cannot be .+: it must be .+$/),
      }),
    );
    expect(() => read(place, text)).toThrow(`${place} cannot be ${shown}`);
    expect(() => read(place, text)).toThrow(`it must be ${SETTINGS[name].kind.allowed}`);
  });

  it("counts as not given when it is empty", () => {
    expect(read(place, "")[name]).toBeUndefined();
  });
});

describe("a setting", () => {
  it("is taken from the file name first, and from the environment where that says nothing", () => {
    const env = { LITESTREAM_REPLICA_URL: "s3://b/env", LITESTREAM_WRITE_ENABLED: "true" };
    const parameters = new Map([
      ["replica_url", "s3://b/name"],
      ["write_enabled", ""],
    ]);
    const settings = readSettings(parameters, env);
    expect(settings.replicaUrl).toBe("s3://b/name");
    expect(settings.writeEnabled).toBe(true);
  });

  it("never shows what may be a key in the place of a URL", () => {
    expect(() => read("LITESTREAM_REPLICA_URL", "secret-key")).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("secret-key") }),
    );
  });

  it("is in the README", () => {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const [, section = ""] = readme.split("### Litestream's configuration");
    for (const { place } of PLACES) expect(section).toContain(`\`${place}\``);
  });
});

describe("parameters of a file name", () => {
  it("come as names and values that end in zero, of which the first counts", () => {
    const text = "replica_url\0s3://b/p?x=y\0write_enabled\0\0write_enabled\0true\0";
    expect([...parseParameters(text)]).toEqual([
      ["replica_url", "s3://b/p?x=y"],
      ["write_enabled", ""],
    ]);
  });
});
