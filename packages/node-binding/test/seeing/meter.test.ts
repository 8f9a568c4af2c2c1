/**
 * The meter of a mount: against what a real server has got, within one statement, and its prices.
 */

import { randomUUID } from "node:crypto";
import { useServer } from "@headwater/servers/testing";
import { describe, expect, it } from "vitest";
import { STORE_PRICES } from "../../src/index.ts";
import { type CountingProxy, startCountingProxy } from "../support/counting-proxy.ts";
import { openReader, openWriter } from "../support/mounts.ts";
import { memoryStore, type Place } from "../support/stores.ts";

const PATIENCE = { timeout: 30_000 };
const ROWS = 20_000;
const FILL = `create table item(id integer primary key, b);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < ${ROWS})
    insert into item select i, hex(randomblob(100)) from n`;

const server = await useServer("ceph", "the meter against a server");

async function proxied(): Promise<{ proxy: CountingProxy; options: Place["options"] }> {
  if (!server.available) throw new Error(server.reason);
  const { bucket, endpoint, accessKeyId, secretAccessKey, region } = server.connection;
  const proxy = await startCountingProxy(endpoint);
  const storeOptions = { endpoint: proxy.endpoint, accessKeyId, secretAccessKey, region };
  return { proxy, options: { url: `s3://${bucket}/${randomUUID()}/app.db`, storeOptions } };
}

describe.skipIf(!server.available)("the meter, and requests that a server has got", () => {
  it("are the same for writing under a lease, reading, following and hydrating", async () => {
    const { proxy, options } = await proxied();
    const writer = await openWriter({ ...options, lease: { ttlMs: 15_000 } });
    writer.database.exec(FILL);
    await writer.flush();
    for (const id of [1, 2, 3]) {
      writer.database.prepare("update item set b = 'x' where id = ?").run(id);
      await writer.flush();
    }
    const leasePuts = () => writer.meter.read().byPurpose.lease?.byKind.put ?? 0;
    await expect.poll(leasePuts, PATIENCE).toBeGreaterThan(1);
    await writer.close();
    const written = writer.meter.read();
    expect(written.requests).toBe((await proxy.reset()).requestsTotal);
    expect(written.byPurpose.sync?.byKind.put).toBeGreaterThanOrEqual(4);
    // Taken, renewed, given back.
    expect(written.byPurpose.lease?.byKind.put).toBeGreaterThanOrEqual(3);

    const reader = await openReader({ ...options, pollIntervalMs: 50 });
    expect(reader.database.prepare("select count(*) from item").pluck().get()).toBe(ROWS);
    const polls = () => reader.meter.read().byPurpose.poll?.requests ?? 0;
    await expect.poll(polls, PATIENCE).toBeGreaterThan(3);
    await reader.close();
    const read = reader.meter.read();
    const { requestsTotal, bytesToClient } = await proxy.reset();
    expect(read.requests).toBe(requestsTotal);
    expect(read.bytesReceived).toBeLessThan(bytesToClient);

    const hydrated = await openReader({ ...options, hydrate: true });
    await hydrated.hydrated();
    await hydrated.close();
    const { requests, byPurpose } = hydrated.meter.read();
    expect(requests).toBe((await proxy.reset()).requestsTotal);
    expect(byPurpose.hydration?.requests).toBeGreaterThan(0);
  }, 120_000);

  it("are the same for each statement, when it has returned", async () => {
    const { proxy, options } = await proxied();
    const writer = await openWriter({ ...options, lease: "off" });
    writer.database.exec(FILL);
    writer.database.exec("delete from item where id > 5000; vacuum");
    await writer.close();
    await proxy.reset();
    const reader = await openReader({ ...options, warmUp: false, hedge: false });
    reader.database.pragma("cache_size = 0");
    const pick = reader.database.prepare("select length(b) from item where id = ?").pluck();
    // What is above the leaves lies together, so it is read ahead of, and that may come later.
    pick.get(5000);
    const total = () => reader.meter.read().requests;
    const isQuiet = async () => (await proxy.counts()).requestsTotal === total();
    await expect.poll(isQuiet, PATIENCE).toBe(true);
    await proxy.reset();
    for (const id of [4800, 2700, 4000, 3300]) {
      const { result, usage } = reader.meter.measure(() => pick.get(id));
      expect(result).toBe(200);
      expect(usage.requests).toBeGreaterThan(0);
      expect(usage.byPurpose.miss?.requests).toBe(usage.requests);
      expect(usage.requests).toBe((await proxy.reset()).requestsTotal);
    }
  }, 60_000);
});

async function filled(): Promise<Place["options"]> {
  const { options } = memoryStore.place();
  const writer = await openWriter(options);
  writer.database.exec("begin");
  writer.database.exec(FILL);
  writer.database.exec("commit");
  expect(await writer.flush()).toBe(1n);
  return options;
}

describe("measuring", () => {
  it("has what one statement has fetched, when the statement returns", async () => {
    const reader = await openReader({ ...(await filled()), warmUp: false, hedge: false });
    const pick = reader.database.prepare("select length(b) from item where id = ?").pluck();
    pick.get(1);
    for (const id of [4000, 9000, 14_000, 19_000]) {
      const { result, usage } = reader.meter.measure(() => pick.get(id));
      expect(result).toBe(200);
      expect(usage.byPurpose.miss?.requests).toBeGreaterThan(0);
      expect(usage.reads.misses).toBe(usage.byPurpose.miss?.requests);
      expect(usage.bytesReceived).toBeGreaterThan(0);
      const again = reader.meter.measure(() => pick.get(id)).usage;
      expect(again).toMatchObject({ requests: 0, bytesReceived: 0, byPurpose: {}, byKind: {} });
      expect(again.reads.misses).toBe(0);
    }
  });

  it("goes as far as a promise, and tells polls from misses", async () => {
    const reader = await openReader({ ...(await filled()), warmUp: false });
    const { result, usage } = await reader.meter.measure(async () => {
      reader.database.prepare("select length(b) from item where id = 9").get();
      return reader.flush();
    });
    expect(result).toBe(1n);
    expect(usage.byPurpose.poll?.requests).toBeGreaterThan(0);
    expect(usage.byPurpose.miss?.requests).toBeGreaterThan(0);
    const parts = Object.values(usage.byPurpose);
    expect(parts.reduce((sum, { requests }) => sum + requests, 0)).toBe(usage.requests);
  });

  it("throws what the work throws, and rejects as it does", async () => {
    const { meter, database } = await openReader(await filled());
    expect(() => meter.measure(() => database.prepare("select nothing"))).toThrow("nothing");
    await expect(meter.measure(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  });
});

describe("the meter", () => {
  it("is in the status, and goes on after the end", async () => {
    const reader = await openReader({ ...(await filled()), warmUp: false });
    const { usage } = await reader.status();
    expect(usage.byPurpose.open?.byKind.list).toBe(1);
    expect(usage.requests).toBe(reader.meter.read().requests);
    await reader.close();
    expect(reader.meter.read().requests).toBeGreaterThanOrEqual(usage.requests);
  });

  it("counts what a past asks for to its mount", async () => {
    const reader = await openReader({ ...(await filled()), warmUp: false });
    const { usage } = await reader.meter.measure(async () => {
      const past = await reader.at(1n);
      past.database.prepare("select length(b) from item where id = 900").get();
      await past.close();
    });
    expect(usage.byPurpose.travel?.requests).toBeGreaterThan(1);
    expect(Object.keys(usage.byPurpose)).toEqual(["travel"]);
  });

  it("costs nothing on one's own machine, and by one's own prices what they say", async () => {
    const options = await filled();
    const free = await openReader(options);
    expect(free.meter.read()).toMatchObject({ costUsd: 0, costUsdPerHour: 0 });
    const prices = { provider: "aws-s3-standard", per1000: { list: 1000 } } as const;
    const dear = await openReader({ ...options, prices });
    const { costUsd = 0, costUsdPerHour = 0, byKind, bytesReceived } = dear.meter.read();
    const { per1000, egressPerGib } = STORE_PRICES["aws-s3-standard"];
    const bytes = (bytesReceived / 2 ** 30) * egressPerGib;
    expect(costUsd).toBeCloseTo(byKind.list! + (byKind.get! * per1000.get) / 1000 + bytes, 9);
    expect(costUsdPerHour).toBeGreaterThan(costUsd);
  });

  it.each([
    ["nobody", { provider: "nobody" }],
    ["egressPerGib", { egressPerGib: -1 }],
    ["provider, per1000", 7],
  ])("refuses prices that are none: %s", async (named, prices) => {
    const { options } = memoryStore.place();
    const opening = openReader({ ...options, prices: prices as never });
    await expect(opening).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(named) as string,
    });
  });
});

describe.skipIf(!server.available)("prices of a server of one's own", () => {
  it("are not known, unless they are given", async () => {
    const { options } = await proxied();
    const writer = await openWriter(options);
    expect(writer.meter.read().costUsd).toBeUndefined();
    await writer.close();
    const again = await openWriter({ ...options, prices: { provider: "r2" } });
    expect(again.meter.read().costUsd).toBeGreaterThan(0);
  });
});
