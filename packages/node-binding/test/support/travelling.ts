/**
 * What tests of earlier moments need: connections of both drivers, and a history to go back in.
 */

import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { expect, onTestFinished } from "vitest";
import { type OpenedDatabase, registerNodeSqlite } from "../../src/index.ts";
import { openWriter } from "./mounts.ts";
import { tempDir } from "./temp-dir.ts";

/** What both drivers have. */
export interface Connection {
  exec(sql: string): unknown;
  prepare(sql: string): {
    get(...values: unknown[]): unknown;
    all(...values: unknown[]): unknown[];
  };
  close(): void;
}

export const DRIVERS = [
  ["better-sqlite3", (name: string): Connection => new Database(name) as Connection],
  [
    "node:sqlite",
    (name: string): Connection => {
      registerNodeSqlite();
      return new DatabaseSync(name) as Connection;
    },
  ],
] as const;

export type Connect = (typeof DRIVERS)[number][1];

/** Closed with the test, if it is open still. */
export function connecting(connect: Connect): Connect {
  return (name) => {
    const connection = connect(name);
    onTestFinished(() => {
      try {
        connection.close();
      } catch {
        // The test has closed it.
      }
    });
    return connection;
  };
}

/** The first value of the first row. */
export function value(connection: Connection, sql: string, ...values: unknown[]): unknown {
  return Object.values(connection.prepare(sql).get(...values) as object)[0];
}

export const NEWEST = "select max(number) from state";

export interface History extends OpenedDatabase {
  readonly url: string;
  /** By state, from 1 on: a time at which it was the newest. */
  readonly times: readonly string[];
  /** By state, the transaction that made it. */
  readonly txids: readonly bigint[];
}

/** Enough for what follows to bear a later millisecond. */
const APART_MS = 3;

/** A writer, and so many states of a table that it has brought to the bucket. */
export async function makeHistory(
  count: number,
  options: Partial<Parameters<typeof openWriter>[0]> = {},
): Promise<History> {
  const url = options.url ?? `file://${tempDir()}/app.db`;
  const opened = await openWriter({ ...options, url });
  opened.database.exec("create table state(number integer primary key, filler)");
  const times: string[] = [""];
  const txids = [await opened.flush()];
  for (let number = 1; number <= count; number += 1) {
    opened.database.exec(`insert into state values (${number}, zeroblob(2000))`);
    txids.push(await opened.flush());
    await sleep(APART_MS);
    times.push(new Date().toISOString());
    await sleep(APART_MS);
  }
  return Object.assign(opened, { url, times, txids });
}

/** Resolves when no earlier moment is open any more. */
export async function untilNoPasts({ status }: Pick<OpenedDatabase, "status">): Promise<void> {
  await expect.poll(async () => (await status()).pasts).toEqual([]);
}
