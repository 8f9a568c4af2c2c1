import { formatTxid, toTxid } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { openReader, openWriter } from "../support/mounts.ts";
import { ReplicaBuilder } from "../support/replica-builder.ts";
import { errorOf, resultCode } from "../support/result-code.ts";
import { tempDir } from "../support/temp-dir.ts";
import {
  connecting,
  DRIVERS,
  makeHistory,
  NEWEST,
  untilNoPasts,
  value,
} from "../support/travelling.ts";

const STATES = 4;

function hex(txid: bigint): string {
  return formatTxid(toTxid(txid));
}

describe.each(DRIVERS)("a connection of %s", (_, driverConnect) => {
  const connect = connecting(driverConnect);

  it("goes to any moment by time or transaction, and back", async () => {
    const { filename, times, txids, status } = await makeHistory(STATES);
    const connection = connect(filename);
    const setTime = connection.prepare("select litestream_set_time(?)");
    for (const [number, time] of times.entries()) {
      if (number === 0) continue;
      const txid = hex(txids[number]!);
      for (const go of [
        () => connection.exec(`pragma headwater_time = '${time}'`),
        () => connection.exec(`pragma LITESTREAM_TIME = '${txid}'`),
        () => setTime.get(time),
        () => connection.exec(`pragma headwater_time = 'txid:${txids[number]}'`),
        () => value(connection, "select headwater_set_time(?)", txid),
      ]) {
        go();
        expect(value(connection, NEWEST)).toBe(number);
        expect(value(connection, "pragma headwater_txid")).toBe(txid);
        expect(value(connection, "select litestream_txid()")).toBe(txid);
        expect(value(connection, "pragma integrity_check")).toBe("ok");
        connection.exec("pragma litestream_time = 'LaTeST'");
        expect(value(connection, NEWEST)).toBe(STATES);
        expect(value(connection, "select headwater_txid()")).toBe(hex(txids[STATES]!));
      }
    }
    connection.close();
    await untilNoPasts({ status });
  });

  it("shows the moment that was asked for, or when its transaction was made", async () => {
    const { filename, times, txids } = await makeHistory(2);
    const connection = connect(filename);
    const shown = () => [
      value(connection, "pragma litestream_time"),
      value(connection, "select headwater_time()"),
    ];
    const [first, second] = [0, 1].map((index) => Date.parse(times[index + 1]!));
    connection.exec(`pragma headwater_time = '${times[1]}'`);
    const asked = times[1]!.replace(/\.?0+Z$/, "Z");
    expect(shown()).toEqual([asked, asked]);
    connection.exec(`pragma headwater_time = '${hex(txids[2]!)}'`);
    const made = Date.parse(shown()[0] as string);
    expect(made).toBeGreaterThan(first!);
    expect(made).toBeLessThanOrEqual(second!);
    connection.exec("pragma headwater_time = 'latest'");
    expect(Date.parse(shown()[1] as string)).toBe(made);
  });

  it("stays where it is until its transaction ends", async () => {
    const { filename, times } = await makeHistory(STATES);
    const connection = connect(filename);
    connection.exec("begin");
    expect(value(connection, NEWEST)).toBe(STATES);
    const shown = value(connection, "pragma headwater_time");
    connection.exec(`pragma headwater_time = '${times[2]}'`);
    expect(value(connection, NEWEST)).toBe(STATES);
    expect(value(connection, "pragma headwater_time")).toBe(shown);
    connection.exec("commit; begin");
    expect(value(connection, NEWEST)).toBe(2);
    connection.exec(`pragma headwater_time = '${times[3]}'`);
    connection.exec(`pragma headwater_time = '${times[1]}'`);
    expect(value(connection, NEWEST)).toBe(2);
    connection.exec("commit");
    expect(value(connection, NEWEST)).toBe(1);
    connection.exec("begin");
    expect(value(connection, NEWEST)).toBe(1);
    connection.exec("pragma headwater_time = 'latest'");
    expect(value(connection, NEWEST)).toBe(1);
    connection.exec("rollback");
    expect(value(connection, NEWEST)).toBe(STATES);
  });

  it("stays for a statement that is under way", async () => {
    const { filename, times } = await makeHistory(STATES);
    const connection = connect(filename);
    const sql = `select number, headwater_set_time(?) is null,
      (select max(number) from state b where b.number >= a.number) from state a`;
    const rows = connection.prepare(sql).all(times[2]) as object[];
    expect(rows.map((row) => Object.values(row))).toEqual(
      [1, 2, 3, 4].map((number) => [number, 1, STATES]),
    );
    expect(value(connection, NEWEST)).toBe(2);
  });

  it("commits what it has begun to write, before it goes", async () => {
    const { filename, times, flush } = await makeHistory(STATES);
    const connection = connect(filename);
    connection.exec("begin immediate; insert into state values (5, null)");
    connection.exec(`pragma headwater_time = '${times[1]}'`);
    connection.exec("insert into state values (6, null)");
    expect(value(connection, NEWEST)).toBe(6);
    connection.exec("commit");
    expect(value(connection, NEWEST)).toBe(1);
    connection.exec("pragma headwater_time = 'latest'");
    expect(value(connection, NEWEST)).toBe(6);
    expect(value(connection, "pragma integrity_check")).toBe("ok");
    await flush();
  });

  it("cannot write in the past, and is told why", async () => {
    const { filename, times, status } = await makeHistory(STATES);
    const connection = connect(filename);
    connection.exec(`pragma headwater_time = '${times[2]}'`);
    for (const sql of [
      "insert into state values (9, null)",
      "delete from state",
      "create table other(a)",
      "begin immediate",
      "vacuum",
    ]) {
      const error = errorOf(() => connection.exec(sql));
      expect(resultCode(error), sql).toBe("SQLITE_READONLY");
      expect(value(connection, "pragma headwater_why"), sql).toContain("this is the past");
    }
    expect(value(connection, NEWEST)).toBe(2);
    expect((await status()).sync).toMatchObject({ state: "idle", pendingCount: 0 });
    connection.exec("pragma headwater_time = 'latest'; insert into state values (5, null)");
    expect(value(connection, NEWEST)).toBe(5);
  });

  it("leaves others in the present, who may write", async () => {
    const { filename, times, database, flush } = await makeHistory(STATES);
    const [past, other] = [connect(filename), connect(filename)];
    past.exec(`pragma headwater_time = '${times[1]}'; begin`);
    expect(value(past, NEWEST)).toBe(1);
    for (const number of [5, 6]) {
      other.exec(`insert into state values (${number}, null)`);
      expect(value(other, NEWEST)).toBe(number);
      expect(database.prepare(NEWEST).pluck().get()).toBe(number);
      await flush();
      expect(value(past, NEWEST)).toBe(1);
    }
    expect(value(past, "pragma headwater_pending")).toBe("0");
    past.exec("commit");
    expect(value(past, NEWEST)).toBe(1);
    other.exec("insert into state values (7, null)");
    expect(value(past, "pragma headwater_pending")).toBe("1");
    past.exec("pragma headwater_time = 'latest'");
    expect(value(past, NEWEST)).toBe(7);
    past.exec("insert into state values (8, null)");
    expect(value(other, NEWEST)).toBe(8);
  });

  it("sees nothing of the past that is not in the bucket", async () => {
    const { filename, database, flush } = await makeHistory(STATES);
    const connection = connect(filename);
    database.exec("insert into state values (5, null)");
    connection.exec("pragma headwater_time = 'now'");
    expect(value(connection, NEWEST)).toBe(STATES);
    await flush();
    connection.exec("pragma headwater_time = 'now'");
    expect(value(connection, NEWEST)).toBe(5);
  });

  it("brings the present to the bucket from the past", async () => {
    const { filename, times, database, txids } = await makeHistory(STATES);
    const connection = connect(filename);
    connection.exec(`pragma headwater_time = '${times[1]}'`);
    database.exec("insert into state values (5, null)");
    expect(value(connection, "pragma headwater_sync")).toBe(hex(txids[STATES]! + 1n));
    expect(value(connection, "pragma headwater_pending")).toBe("0");
    expect(value(connection, NEWEST)).toBe(1);
  });

  it("is told what is wrong, and stays where it is", async () => {
    const { filename, times } = await makeHistory(STATES);
    const connection = connect(filename);
    connection.exec(`pragma headwater_time = '${times[3]}'`);
    for (const [moment, why] of [
      ["perhaps", '"perhaps" is no moment'],
      ["", '"" is no moment'],
      ["2026-02-30T00:00:00Z", "is no moment"],
      ["1999-01-01T00:00:00Z", "no files reach back to 1999-01-01T00:00:00.000Z"],
      ["in 5 minutes", "has not been yet"],
      ["txid:99", "transaction 99 is not in the bucket, which ends at 5"],
      ["0000000000000000", "0 is no transaction"],
      ["x".repeat(300), "a moment has less than 256 bytes"],
    ] as const) {
      for (const run of [
        () => connection.exec(`pragma headwater_time = '${moment}'`),
        () => connection.prepare("select litestream_set_time(?)").get(moment),
      ]) {
        const error = errorOf(run);
        expect(resultCode(error), moment).toBe("SQLITE_ERROR");
        expect((error as Error).message, moment).toContain(why);
        expect(value(connection, NEWEST)).toBe(3);
      }
    }
    const error = errorOf(() => connection.prepare("select headwater_set_time(null)").get());
    expect((error as Error).message).toContain("timestamp required");
  });

  it("is not moved by what a database brings along", async () => {
    const { filename, times, txids } = await makeHistory(STATES);
    const connection = connect(filename);
    connection.exec(`create view now as select litestream_txid() as txid, litestream_lag() as lag;
      create view then_ as select litestream_set_time('${times[1]}')`);
    expect(value(connection, "select txid from now")).toBe(hex(txids[STATES]!));
    expect(
      (errorOf(() => connection.prepare("select * from then_").all()) as Error).message,
    ).toMatch(/unsafe use of litestream_set_time/);
    expect(value(connection, NEWEST)).toBe(STATES);
  });

  it("finds the tables of the moment, with statements of before", async () => {
    const { filename, times, database, flush } = await makeHistory(2);
    const connection = connect(filename);
    const newest = connection.prepare(NEWEST);
    const get = () => Object.values(newest.get() as object)[0];
    expect(get()).toBe(2);
    database.exec("create table later(a); alter table state add column more default 'm'");
    await flush();
    expect(value(connection, "select more from state")).toBe("m");
    connection.exec(`pragma headwater_time = '${times[1]}'`);
    expect(get()).toBe(1);
    for (const sql of ["select * from later", "select more from state"]) {
      expect(() => connection.prepare(sql).all()).toThrow(/no such/);
    }
    connection.exec("pragma headwater_time = 'latest'");
    expect(get()).toBe(2);
    expect(value(connection, "select count(*) from later")).toBe(0);
  });

  it("never takes what it has cached of one moment for another", async () => {
    const builder = new ReplicaBuilder();
    await builder.commit("begin; create table t(a); insert into t values ('old'); commit");
    // SQLite has not counted this one, so it will come to the number that stands for it here.
    await builder.commit("select 1");
    await builder.commit("update t set a = 'new'");
    const { filename } = await openWriter({ url: builder.url });
    const connection = connect(filename);
    for (const [moment, expected] of [
      ["latest", "new"],
      ["txid:2", "old"],
      ["latest", "new"],
      ["txid:1", "old"],
      ["txid:3", "new"],
      ["txid:2", "old"],
      ["txid:3", "new"],
    ] as const) {
      connection.exec(`pragma headwater_time = '${moment}'`);
      expect(value(connection, "select a from t"), moment).toBe(expected);
    }
  });

  it("keeps its page cache while it stays", async () => {
    const { filename, times, status } = await makeHistory(STATES);
    const connection = connect(filename);
    connection.exec(`pragma headwater_time = '${times[2]}'`);
    const sum = () => value(connection, "select sum(number) from state");
    const reads = async () => (await status()).pasts[0]!.reads;
    for (let count = 0; count < 3; count += 1) sum();
    const before = await reads();
    expect(before.residentCount + before.missCount).toBeGreaterThan(0);
    for (let count = 0; count < 20; count += 1) sum();
    // Each transaction looks at page 1, and at nothing else.
    expect(await reads()).toEqual({ ...before, residentCount: before.residentCount + 20 });
  });

  it("cannot go anywhere under an exclusive lock", async () => {
    const { filename, times } = await makeHistory(STATES);
    const connection = connect(filename);
    connection.exec("pragma locking_mode = exclusive");
    expect(value(connection, NEWEST)).toBe(STATES);
    const go = `pragma headwater_time = '${times[1]}'`;
    expect((errorOf(() => connection.exec(go)) as Error).message).toContain("EXCLUSIVE");
    connection.exec(`pragma locking_mode = normal; ${go}`);
    value(connection, NEWEST);
    expect(value(connection, NEWEST)).toBe(1);
  });

  it("copies its moment to an ordinary file", async () => {
    const { filename, times } = await makeHistory(STATES);
    const connection = connect(filename);
    connection.exec(`pragma headwater_time = '${times[2]}'`);
    const path = `${tempDir()}/copy.db`;
    connection.exec(`vacuum into '${path}'`);
    const copy = connect(path);
    expect(value(copy, NEWEST)).toBe(2);
    expect(value(copy, "pragma integrity_check")).toBe("ok");
  });

  it("moves each of its databases by itself", async () => {
    const [one, two] = [await makeHistory(3), await makeHistory(3)];
    const connection = connect(one.filename);
    connection.exec(
      `attach '${two.filename}' as two; pragma two.headwater_time = '${two.times[2]}'`,
    );
    const both =
      "select (select max(number) from main.state) || (select max(number) from two.state)";
    expect(value(connection, both)).toBe("32");
    connection.exec(`pragma headwater_time = '${one.times[1]}'`);
    expect(value(connection, both)).toBe("12");
    connection.exec("pragma two.headwater_time = 'latest'");
    expect(value(connection, both)).toBe("13");
    connection.exec("insert into two.state values (4, null)");
    expect(value(connection, both)).toBe("14");
    connection.close();
    await untilNoPasts(one);
    await untilNoPasts(two);
  });
});

describe("a reader", () => {
  it("shows the time of what it reads, after polls, too", async () => {
    const history = await makeHistory(2);
    const reader = await openReader({ url: history.url });
    const shown = () =>
      Date.parse(reader.database.pragma("headwater_time", { simple: true }) as string);
    const first = shown();
    expect(first).toBeGreaterThan(Date.parse(history.times[1]!));
    expect(first).toBeLessThanOrEqual(Date.parse(history.times[2]!));
    reader.database.exec("begin");
    reader.database.prepare(NEWEST).get();
    history.database.exec("insert into state values (3, null)");
    await history.flush();
    await reader.flush();
    expect(shown()).toBe(first);
    reader.database.exec("commit");
    expect(shown()).toBeGreaterThan(first);
    expect(shown()).toBe(
      Date.parse(history.database.pragma("headwater_time", { simple: true }) as string),
    );
  });

  it("goes on following while a connection is in the past", async () => {
    const history = await makeHistory(2);
    const reader = await openReader({ url: history.url });
    reader.database.exec(`pragma headwater_time = '${history.times[1]}'`);
    history.database.exec("insert into state values (3, null)");
    const txid = await history.flush();
    await reader.waitForTxid(txid, { signal: AbortSignal.timeout(20_000) });
    const newest = reader.database.prepare(NEWEST).pluck();
    expect(newest.get()).toBe(1);
    reader.database.exec("pragma headwater_time = 'latest'");
    expect(newest.get()).toBe(3);
  });
});

describe("a reader in the past", () => {
  it("is told how old the present is that it would go back to", async () => {
    const history = await makeHistory(2);
    const reader = await openReader({ url: history.url });
    reader.database.exec(`pragma headwater_time = '${history.times[1]}'`);
    const lags = () => [
      Number(reader.database.pragma("litestream_lag", { simple: true })),
      reader.database.prepare("select headwater_lag()").pluck().get() as number,
    ];
    await expect.poll(() => Math.min(...lags())).toBeGreaterThan(0);
    const before = lags();
    await reader.flush();
    expect(Math.max(...lags())).toBeLessThan(Math.max(...before));
  });
});

describe("a database without transactions", () => {
  it("has no past", async () => {
    const { database } = await openWriter({ url: `file://${tempDir()}/app.db` });
    expect(database.pragma("headwater_time", { simple: true })).toBe("latest");
    expect(() => database.exec("pragma headwater_time = '1 minute ago'")).toThrow(
      /nothing in the bucket/,
    );
  });
});
