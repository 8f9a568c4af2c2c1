/**
 * The examples of Litestream's guides to its VFS, with the statements as they stand there, run by
 * programs that know nothing of us.
 */

import { readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DRIVER_NAMES, PlainProgram } from "./support/asking.ts";
import { eventually } from "./support/eventually.ts";
import { Litestream, litestreamProblem } from "./support/litestream.ts";
import { ReplicaBuilder } from "./support/replica-builder.ts";
import { fileStore } from "./support/stores.ts";
import { tempDir } from "./support/temp-dir.ts";

const noLitestream = litestreamProblem();

const MINUTE_MS = 60_000;
/** How long before now the transactions of a replica were made. */
const AGES_MS = [3 * 24 * 60 * MINUTE_MS, 3 * 60 * MINUTE_MS, 7 * MINUTE_MS, MINUTE_MS];

/** Of the guide to reading, and which of those transactions is the newest then. */
const TIMES = [
  ["PRAGMA litestream_time = '5 minutes ago'", 3],
  ["PRAGMA litestream_time = 'yesterday'", 1],
  ["PRAGMA litestream_time = '2 hours ago'", 2],
  ["PRAGMA litestream_time = 'latest'", 4],
  ["SELECT litestream_set_time('10 minutes ago')", 2],
  ["SELECT litestream_set_time('5 minutes ago')", 3],
  ["SELECT litestream_set_time('latest')", 4],
] as const;

async function makeAged(): Promise<ReplicaBuilder> {
  const builder = new ReplicaBuilder();
  for (const [index, ageMs] of AGES_MS.entries()) {
    const txid = await builder.commit(
      index === 0
        ? "create table state(number); insert into state values (1)"
        : `insert into state values (${index + 1})`,
    );
    const seconds = (Date.now() - ageMs) / 1000;
    utimesSync(builder.pathOf(0, txid), seconds, seconds);
  }
  return builder;
}

describe.each(DRIVER_NAMES)("with %s", (driver) => {
  it("the program of the guide to writing finds what it wrote when it last ran", async () => {
    const place = fileStore.place();
    const buffer = join(tempDir(), "buffer.db");
    for (const run of [1, 2]) {
      const program = new PlainProgram(driver, {
        LITESTREAM_WRITE_ENABLED: "true",
        LITESTREAM_REPLICA_URL: place.options.url,
        LITESTREAM_SYNC_INTERVAL: "1s",
        LITESTREAM_BUFFER_PATH: buffer,
      });
      await program.open();
      await program.exec("CREATE TABLE IF NOT EXISTS logs (id INTEGER PRIMARY KEY, msg TEXT)");
      await program.exec("INSERT INTO logs (msg) VALUES ('Application started')");
      const rows = Array.from({ length: run }, (_, at) => [at + 1, "Application started"]);
      expect(await program.query("SELECT * FROM logs")).toEqual(rows);
      await program.close();
      expect(await program.end()).toMatchObject({ code: 0, stderr: "" });
    }
  });

  it("a writer may hydrate, and its copy has what it writes", async () => {
    const place = fileStore.place();
    const folder = tempDir();
    const path = join(folder, "hydrated.db");
    const program = new PlainProgram(driver, {
      LITESTREAM_WRITE_ENABLED: "true",
      LITESTREAM_HYDRATION_ENABLED: "true",
      LITESTREAM_REPLICA_URL: place.options.url,
      LITESTREAM_BUFFER_PATH: join(folder, "buffer.db"),
      LITESTREAM_HYDRATION_PATH: path,
    });
    await program.open();
    await program.exec("CREATE TABLE events (id INTEGER PRIMARY KEY, ts TEXT)");
    await program.exec("INSERT INTO events (ts) VALUES (datetime('now'))");
    await program.exec("PRAGMA headwater_sync");
    expect(await program.query("SELECT COUNT(*) FROM events")).toEqual([[1]]);
    await eventually("the copy", async () =>
      (await program.value("PRAGMA litestream_hydration_progress")) === "100.0" ? true : undefined,
    );
    expect(await program.value("PRAGMA litestream_hydration_file")).toBe(path);
    await program.exec("INSERT INTO events (ts) VALUES (datetime('now'))");
    await program.close();
    expect(await program.end()).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(path).subarray(0, 15).toString()).toBe("SQLite format 3");
  });

  it("a reader tells its transaction, its lag and its time, by PRAGMA and function", async () => {
    const builder = await makeAged();
    const program = new PlainProgram(driver, { LITESTREAM_REPLICA_URL: builder.url });
    await program.open();
    const sql = "SELECT litestream_txid(), litestream_lag(), litestream_time()";
    const [[txid, lag, time] = []] = await program.query(sql);
    expect(txid).toBe("0000000000000004");
    expect(await program.value("PRAGMA litestream_txid")).toBe(txid);
    expect(lag).toBeGreaterThanOrEqual(0);
    expect(await program.value("PRAGMA litestream_lag")).toMatch(/^\d+$/);
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    expect(await program.value("PRAGMA litestream_time")).toBe(time);
    await program.close();
    await program.end();
  });

  it.skipIf(noLitestream)("a reader goes to the times of the guide, as Litestream", async () => {
    const builder = await makeAged();
    const program = new PlainProgram(driver, { LITESTREAM_REPLICA_URL: builder.url });
    const litestream = new Litestream({ url: builder.url });
    await program.open();
    await litestream.open();
    const newest = "SELECT max(number) FROM state";
    for (const [sql, expected] of TIMES) {
      await program.query(sql);
      await litestream.query(sql);
      expect(await program.value(newest), sql).toBe(expected);
      expect(await litestream.value(newest), sql).toBe(expected);
    }
    await program.close();
    await program.end();
    await litestream.end();
  });
});
