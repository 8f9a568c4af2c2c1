/**
 * What the README tells of channels and of usage, against the types of it.
 */

import { readFileSync } from "node:fs";
import { OPERATIONS, type Operation } from "@headwater/object-store";
import { expect, it } from "vitest";
import type { ChannelMessages, MeteredUsage, Purpose } from "../../src/index.ts";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

/** Complete by type. */
type Listed<Key extends PropertyKey> = Readonly<Record<Key, true>>;
type Common = "mount" | "error" | "dropped" | "durationMs" | "requests" | "bytes";
type Own = {
  readonly [Name in keyof ChannelMessages]: Listed<Exclude<keyof ChannelMessages[Name], Common>>;
};

const CHANNELS: Own = {
  "headwater:open": { mode: true, url: true, txid: true, pageCount: true },
  "headwater:fetch": { purpose: true, key: true, pages: true, hedged: true },
  "headwater:poll": { beforeTxid: true, txid: true },
  "headwater:sync": { txid: true, seq: true },
  "headwater:lease": { action: true, generation: true },
  "headwater:hydrate": { state: true, pagesPresent: true, pageCount: true },
  "headwater:conflict": { when: true, reason: true },
};

const USAGE: Listed<keyof MeteredUsage> = {
  requests: true,
  failed: true,
  retried: true,
  bytesSent: true,
  bytesReceived: true,
  byKind: true,
  byPurpose: true,
  reads: true,
  durationMs: true,
  costUsd: true,
  costUsdPerHour: true,
};

const PURPOSES: Listed<Purpose> = {
  open: true,
  miss: true,
  readAhead: true,
  warmUp: true,
  poll: true,
  sync: true,
  lease: true,
  compaction: true,
  hydration: true,
  travel: true,
};

/** The cells of each row of the table whose head begins with this. */
function rowsOf(head: string): string[][] {
  const [, table = ""] = README.split(new RegExp(`^\\| ${head} .*\\n\\|[- |]*\\n`, "m"));
  const rows = table.split("\n\n")[0]?.split("\n") ?? [];
  return rows.filter((row) => row !== "").map((row) => row.split("|").slice(1, -1));
}

const namesIn = (cell = "") => [...cell.matchAll(/`([\w:]+)`/g)].map(([, name = ""]) => name);

it("each channel is told, with what its messages have", () => {
  const told = rowsOf("channel").map(([name, fields]) => [namesIn(name)[0], namesIn(fields)]);
  expect(Object.fromEntries(told)).toEqual(
    Object.fromEntries(Object.entries(CHANNELS).map(([name, own]) => [name, Object.keys(own)])),
  );
});

it("each field of a usage is told, with each kind and purpose", () => {
  const rows = rowsOf("field");
  expect(rows.flatMap(([names]) => namesIn(names)).sort()).toEqual(Object.keys(USAGE).sort());
  const listed = (name: string) => namesIn(rows.find(([names]) => namesIn(names)[0] === name)?.[1]);
  const kinds = listed("byKind").filter((name) => name !== "requests") as Operation[];
  expect(kinds.sort()).toEqual([...OPERATIONS].sort());
  expect(listed("byPurpose").sort()).toEqual(Object.keys(PURPOSES).sort());
});
