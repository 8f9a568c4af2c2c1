import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { mount } from "../../src/index.ts";
import { errorOf, resultCode } from "../support/result-code.ts";
import {
  connecting,
  DRIVERS,
  makeHistory,
  NEWEST,
  untilNoPasts,
  value,
} from "../support/travelling.ts";

const STATES = 4;

describe("at()", () => {
  it("gives a database of its own, by string, date and transaction", async () => {
    const hw = await makeHistory(STATES);
    for (const when of [hw.times[2]!, new Date(hw.times[2]!), hw.txids[2]!]) {
      await using past = await hw.at(when);
      expect(past.txid).toBe(hw.txids[2]);
      expect(past.database.prepare(NEWEST).pluck().get()).toBe(2);
      expect(past.createdAt.getTime()).toBeLessThanOrEqual(Date.parse(hw.times[2]!));
      expect(past.createdAt.getTime()).toBeGreaterThan(Date.parse(hw.times[1]!));
      expect(past.database.pragma("headwater_time", { simple: true })).toBe(
        past.createdAt.toISOString().replace(/\.?0+Z$/, "Z"),
      );
      expect(past.database.readonly).toBe(true);
      const refused = errorOf(() => past.database.exec("delete from state"));
      expect(resultCode(refused)).toBe("SQLITE_READONLY");
      expect(hw.database.prepare(NEWEST).pluck().get()).toBe(STATES);
    }
    await untilNoPasts(hw);
  });

  it.each([
    ["perhaps", "OPTION_INVALID"],
    ["latest", "OPTION_INVALID"],
    [0n, "OPTION_INVALID"],
    [-1n, "OPTION_INVALID"],
    [new Date(Number.NaN), "OPTION_INVALID"],
    [new Date(0), "MOMENT_NOT_FOUND"],
    [99n, "MOMENT_NOT_FOUND"],
    ["in an hour", "MOMENT_NOT_FOUND"],
  ] as const)("refuses %s", async (when, code) => {
    const hw = await makeHistory(1);
    await expect(hw.at(when)).rejects.toMatchObject({ code });
    expect((await hw.status()).pasts).toEqual([]);
  });

  it("refuses a number, which could be either", async () => {
    const hw = await makeHistory(1);
    await expect(hw.at(2 as unknown as bigint)).rejects.toThrow(TypeError);
  });

  it("shows one moment for good", async () => {
    const hw = await makeHistory(STATES);
    await using past = await hw.at(hw.txids[2]!);
    for (const moment of [hw.times[1], "latest"]) {
      const error = errorOf(() => past.database.exec(`pragma headwater_time = '${moment}'`));
      expect((error as Error).message).toContain("one moment for good");
    }
    expect(past.database.pragma("headwater_sync", { simple: true })).toBeDefined();
  });

  it("may be closed in any order, and ends with its mount", async () => {
    const hw = await makeHistory(STATES);
    const [one, same, other] = [
      await hw.at(hw.txids[2]!),
      await hw.at(hw.txids[2]!),
      await hw.at(hw.txids[3]!),
    ];
    expect(same.name).toBe(one.name);
    await one.close();
    await one.close();
    expect(one.database.open).toBe(false);
    expect(same.database.prepare(NEWEST).pluck().get()).toBe(2);
    await hw.close();
    for (const { database } of [same, other]) {
      expect(resultCode(errorOf(() => database.prepare(NEWEST).get()))).toBe("SQLITE_IOERR");
    }
    await Promise.all([same.close(), other.close()]);
    await expect(hw.at(2n)).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("ends with its signal", async () => {
    const hw = await makeHistory(STATES);
    const reason = new Error("enough");
    const end = new AbortController();
    const opening = hw.at(2n, { signal: end.signal });
    end.abort(reason);
    await expect(opening).rejects.toBe(reason);
    await untilNoPasts(hw);
  });

  it("stays for a connection that outlives the handle, on any thread", async () => {
    const hw = await makeHistory(STATES);
    const past = await hw.at(hw.txids[2]!);
    const worker = new Worker(
      `const { parentPort, workerData } = require("node:worker_threads");
       const Database = require("better-sqlite3");
       const database = new Database(workerData);
       parentPort.on("message", (text) => {
         if (text === "close") { database.close(); parentPort.close(); return; }
         parentPort.postMessage(database.prepare(text).pluck().get());
       });
       parentPort.postMessage("open");`,
      { eval: true, workerData: past.filename },
    );
    const next = () => new Promise((resolve) => worker.once("message", resolve));
    expect(await next()).toBe("open");
    await past.close();
    const answer = next();
    worker.postMessage(NEWEST);
    expect(await answer).toBe(2);
    expect((await hw.status()).pasts).toHaveLength(1);
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    worker.postMessage("close");
    await ended;
    await untilNoPasts(hw);
  });
});

describe.each(DRIVERS)("with %s", (driver, driverConnect) => {
  const connect = connecting(driverConnect);

  it("two moments are compared in one query", async () => {
    const hw = await makeHistory(STATES);
    await using handle = await mount({ url: hw.url, drivers: [driver], pollIntervalMs: 0 });
    await using before = await handle.at(hw.times[2]!);
    await using start = await handle.at(hw.txids[1]!);
    const connection = connect(handle.filename);
    connection.exec(`attach '${before.filename}' as before; attach '${start.filename}' as start`);
    const added = `select group_concat(number) from (
      select number from main.state except select number from before.state)`;
    expect(value(connection, added)).toBe("3,4");
    hw.database.exec("update state set filler = 'changed' where number = 1");
    await hw.flush();
    await handle.flush();
    const changed = `select b.number, length(b.filler) as was, n.filler as now_ from before.state b
      join main.state n on n.number = b.number where n.filler is not b.filler`;
    expect(
      connection
        .prepare(changed)
        .all()
        .map((row) => Object.values(row as object)),
    ).toEqual([[1, 2000, "changed"]]);
    expect(value(connection, "select count(*) from start.state")).toBe(1);
    for (const schema of ["before", "start"]) {
      const refused = errorOf(() => connection.exec(`delete from ${schema}.state`));
      expect(resultCode(refused)).toBe("SQLITE_READONLY");
    }
    connection.close();
  });

  it("the past can be written from, into the present, in one statement", async () => {
    const hw = await makeHistory(STATES);
    await using past = await hw.at(hw.txids[STATES]!);
    hw.database.exec("delete from state where number > 2");
    const connection = connect(hw.filename);
    connection.exec(`attach '${past.filename}' as past`);
    connection.exec("insert or ignore into main.state select * from past.state");
    expect(value(connection, "select group_concat(number) from state")).toBe("1,2,3,4");
    connection.close();
    await hw.flush();
  });
});
