import { describe, expect, it } from "vitest";
import { openReader, openWriter } from "../support/mounts.ts";
import { memoryStore } from "../support/stores.ts";
import { connecting, DRIVERS, untilNoPasts, value } from "../support/travelling.ts";

const ROWS = 4000;
const SUM = "select sum(mark) from big";

async function makeBig() {
  const { options } = memoryStore.place();
  const writer = await openWriter(options);
  writer.database.exec(`create table big(id integer primary key, mark, filler);
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
    insert into big select i, 1, randomblob(1000) from n`);
  const txids = [0n, await writer.flush()];
  for (let mark = 2; mark <= 4; mark += 1) {
    writer.database.exec(`update big set mark = ${mark}`);
    txids.push(await writer.flush());
  }
  return { options, writer, txids };
}

describe.each(DRIVERS)("while a local copy is filled, a connection of %s", (_driver, driver) => {
  const connect = connecting(driver);

  it("sees its moment, others the present, and it again the present and its copy", async () => {
    const { options, writer, txids } = await makeBig();
    const hydrate = { bytesPerSecondMax: 2_000_000 };
    const { filename, hydrated, flush, status } = await openReader({ ...options, hydrate });
    const [past, present] = [connect(filename), connect(filename)];
    const look = (mark: number, newest = 4): void => {
      past.exec(`pragma headwater_time = 'txid:${txids[mark]}'`);
      expect(value(past, SUM)).toBe(ROWS * mark);
      expect(value(present, SUM)).toBe(ROWS * newest);
    };
    look(2);
    expect((await status()).hydration?.done).toBe(false);
    look(1);
    await hydrated();
    look(3);
    past.exec("pragma headwater_time = 'latest'");
    expect(value(past, SUM)).toBe(ROWS * 4);
    writer.database.exec("update big set mark = 5");
    await writer.flush();
    await flush();
    look(2, 5);
    past.exec("pragma headwater_time = 'latest'");
    expect(value(past, SUM)).toBe(ROWS * 5);
    expect((await status()).hydration?.error).toBeUndefined();
    past.close();
    await untilNoPasts({ status });
  }, 60_000);
});

describe("a writer that fills a local copy", () => {
  it("shows the past to one connection and writes on another", async () => {
    const { options, writer, txids } = await makeBig();
    await writer.close();
    const again = await openWriter({ ...options, hydrate: true });
    const past = connecting(DRIVERS[0][1])(again.filename);
    past.exec(`pragma headwater_time = 'txid:${txids[2]}'`);
    expect(value(past, SUM)).toBe(ROWS * 2);
    again.database.exec("update big set mark = 9");
    await again.hydrated();
    await again.flush();
    await again.hydrated();
    expect(value(past, SUM)).toBe(ROWS * 2);
    expect(again.database.prepare(SUM).pluck().get()).toBe(ROWS * 9);
    past.exec("pragma headwater_time = 'latest'");
    expect(value(past, SUM)).toBe(ROWS * 9);
  });
});
