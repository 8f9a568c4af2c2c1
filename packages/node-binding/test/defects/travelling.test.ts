/**
 * What goes wrong elsewhere when a connection goes to an earlier moment. The numbers are those of
 * the list of defects that the other files of this folder go by.
 */

import { describe, expect, it } from "vitest";
import { openReader } from "../support/mounts.ts";
import { errorOf, resultCode } from "../support/result-code.ts";
import { connecting, DRIVERS, makeHistory, NEWEST, value } from "../support/travelling.ts";

const STATES = 3;

describe.each(DRIVERS)("an earlier moment, through %s,", (_driver, driver) => {
  const connect = connecting(driver);

  // 17
  it("is not written to, and the present loses nothing", async () => {
    const history = await makeHistory(STATES);
    const connection = connect(history.filename);
    connection.exec(`pragma litestream_time = '${history.times[1]}'`);
    const write = () => connection.exec("insert into state values (100, 'from the past')");
    expect(resultCode(errorOf(write))).toBe("SQLITE_READONLY");
    connection.close();
    await history.close();
    const reader = await openReader({ url: history.url });
    expect(value(connect(reader.filename), "select group_concat(number) from state")).toBe("1,2,3");
  });

  // 5.11: the view changed in the middle of a transaction
  it("does not show through a transaction that is open", async () => {
    const { filename, times } = await makeHistory(STATES);
    const connection = connect(filename);
    connection.exec("begin");
    expect(value(connection, "select count(*) from state")).toBe(STATES);
    connection.exec(`pragma litestream_time = '${times[1]}'`);
    expect(value(connection, "select sum(number) from state")).toBe(6);
    expect(value(connection, "pragma integrity_check")).toBe("ok");
    connection.exec("commit");
  });

  // 10
  it("and the present are told by their true times", async () => {
    const { filename, database, flush } = await makeHistory(STATES);
    const connection = connect(filename);
    const before = value(connection, "select litestream_time()") as string;
    database.exec("insert into state values (4, null)");
    await flush();
    const after = value(connection, "select litestream_time()") as string;
    expect(Date.parse(after)).toBeGreaterThan(Date.parse(before));
    connection.exec(`pragma litestream_time = '${after}'`);
    expect(value(connection, NEWEST)).toBe(STATES);
    expect(value(connection, "pragma litestream_time")).toBe(after);
  });

  // 35
  it("ends no hydration", async () => {
    const { url, times } = await makeHistory(STATES);
    const { filename, hydrated, status } = await openReader({ url, hydrate: true });
    const connection = connect(filename);
    connection.exec(`pragma litestream_time = '${times[1]}'`);
    expect(value(connection, NEWEST)).toBe(1);
    await hydrated();
    expect((await status()).hydration).toMatchObject({ done: true, error: undefined });
    expect(value(connection, "pragma litestream_hydration_progress")).toBe("100.0");
    expect(value(connection, NEWEST)).toBe(1);
    connection.exec("pragma litestream_time = 'latest'");
    expect(value(connection, NEWEST)).toBe(STATES);
  });
});
