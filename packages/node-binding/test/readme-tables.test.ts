/**
 * The tables of the README that are to be complete: every option with its default, every code of an
 * error with its remedy. The lists here are complete by type.
 */

import { readFileSync } from "node:fs";
import { HeadwaterError, type HeadwaterErrorCode } from "@headwater/vfs-core";
import { expect, it } from "vitest";
import type { HydrateOptions, MountOptions, OpenDatabaseOptions } from "../src/index.ts";

const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");

type ObjectOf<Choice> = Extract<NonNullable<Choice>, object>;
type Listed<Options> = Readonly<Record<keyof Options, true>>;

const LEASE: Listed<ObjectOf<MountOptions["lease"]>> = { ttlMs: true, owner: true, waitMs: true };
const HYDRATE: Listed<HydrateOptions> = { path: true, bytesPerSecondMax: true };
const COMPACTION: Listed<ObjectOf<MountOptions["compaction"]>> = {
  levelIntervalsMs: true,
  snapshotIntervalMs: true,
  snapshotRetentionMs: true,
  level0RetentionMs: true,
  retentionIntervalMs: true,
};

const OPTIONS: Listed<MountOptions & OpenDatabaseOptions> = {
  url: true,
  store: true,
  storeOptions: true,
  mode: true,
  name: true,
  drivers: true,
  databaseOptions: true,
  signal: true,
  waitForReplica: true,
  pollIntervalMs: true,
  pollIntervalMsMax: true,
  requestTimeoutMs: true,
  cacheBytes: true,
  warmUp: true,
  hedge: true,
  indexCacheDir: true,
  hydrate: true,
  mustExist: true,
  journalDir: true,
  syncIntervalMs: true,
  durability: true,
  journalBytesMax: true,
  exitTimeoutMs: true,
  lease: true,
  compaction: true,
  prices: true,
};

const CODES: Listed<Record<HeadwaterErrorCode, unknown>> = {
  OPTION_INVALID: true,
  MOMENT_NOT_FOUND: true,
  REPLICA_NOT_FOUND: true,
  PREFIX_NOT_REPLICA: true,
  STORE_CONFIG_INVALID: true,
  STORE_UNAUTHENTICATED: true,
  STORE_FORBIDDEN: true,
  STORE_UNSUPPORTED: true,
  REPLICA_DAMAGED: true,
  PAGE_NOT_FOUND: true,
  LEASE_INVALID: true,
  STORE_UNAVAILABLE: true,
  LEASE_HELD: true,
  TIMEOUT: true,
  SNAPSHOT_GONE: true,
  READER_TOO_OLD: true,
  FENCED: true,
  JOURNAL_LOCKED: true,
  JOURNAL_CONFLICT: true,
  JOURNAL_PENDING: true,
  JOURNAL_INVALID: true,
  IMAGE_LOCKED: true,
  CLOSED: true,
  ENGINE_STOPPED: true,
  REPLICA_RESET: true,
  IMAGE_FAILED: true,
};

/** The first cell of each row of the table whose head begins with this. */
function firstCells(head: string): string[] {
  const [, table = ""] = README.split(new RegExp(`^\\| ${head} .*\\n\\|[- |]*\\n`, "m"));
  const rows = table.split("\n\n")[0]?.split("\n") ?? [];
  return rows.filter((row) => row !== "").map((row) => row.split("|")[1]?.trim() ?? "");
}

const namesIn = (cell: string) => [...cell.matchAll(/`([\w.]+)`/g)].map(([, name = ""]) => name);

it("the table of options has each of them once, and no other", () => {
  const nested = [
    ...Object.keys(HYDRATE).map((name) => `hydrate.${name}`),
    ...Object.keys(LEASE).map((name) => `lease.${name}`),
    ...Object.keys(COMPACTION).map((name) => `compaction.${name}`),
  ];
  const told = firstCells("option").flatMap(namesIn);
  expect(told.toSorted()).toEqual([...Object.keys(OPTIONS), ...nested].toSorted());
});

it("the table of errors has each code once, under its remedy", () => {
  const told: [code: string, remedy: string][] = [];
  let remedy = "";
  for (const cell of firstCells("code")) {
    const [, next] = /^\*\*`(?:remedy: )?"([\w-]+)"`\*\*$/.exec(cell) ?? [];
    if (next !== undefined) remedy = next;
    else for (const code of namesIn(cell)) told.push([code, remedy]);
  }
  const codes = Object.keys(CODES) as HeadwaterErrorCode[];
  const expected = codes.map((code) => [code, new HeadwaterError(code, "").remedy]);
  expect(told.toSorted()).toEqual(expected.toSorted());
});
