import { describe, expect, it } from "vitest";
import { openReader } from "../support/mounts.ts";
import { ReplicaBuilder } from "../support/replica-builder.ts";
import { errorOf, resultCode } from "../support/result-code.ts";
import { connecting, DRIVERS, value } from "../support/travelling.ts";

async function makeBuilder(): Promise<ReplicaBuilder> {
  const builder = new ReplicaBuilder();
  await builder.commit("create table t(a)");
  for (let number = 2; number <= 5; number += 1) {
    await builder.commit(`insert into t values (${number})`);
  }
  return builder;
}

describe.each(DRIVERS)("when retention takes files, a traveller of %s", (_driver, driver) => {
  const connect = connecting(driver);

  it("is told which moment is gone, and may go to another", async () => {
    const builder = await makeBuilder();
    const { filename } = await openReader({ url: builder.url, cacheBytes: 0 });
    const connection = connect(filename);
    connection.exec("pragma headwater_time = 'txid:3'");
    await builder.put(9, 1, 5);
    for (let txid = 1; txid <= 4; txid += 1) builder.remove(0, txid);
    const error = errorOf(() => value(connection, "select max(a) from t"));
    expect(resultCode(error)).toBe("SQLITE_IOERR");
    expect(value(connection, "pragma headwater_why")).toMatch(
      /transaction 3, of 2026-01-01T00:00:02.000Z, cannot be read any more: retention has deleted/,
    );
    connection.exec("pragma headwater_time = 'txid:5'");
    expect(value(connection, "select max(a) from t")).toBe(5);
    connection.exec("pragma headwater_time = 'latest'");
    expect(value(connection, "select max(a) from t")).toBe(5);
    expect(
      (errorOf(() => connection.exec("pragma headwater_time = 'txid:3'")) as Error).message,
    ).toContain("the first that can is 5");
  });

  it("reads on where others lead to its moment", async () => {
    const builder = await makeBuilder();
    const { filename } = await openReader({ url: builder.url, cacheBytes: 0 });
    const connection = connect(filename);
    connection.exec("pragma headwater_time = 'txid:3'");
    await builder.put(1, 1, 3);
    for (let txid = 1; txid <= 3; txid += 1) builder.remove(0, txid);
    expect(value(connection, "select max(a) from t")).toBe(3);
  });
});
