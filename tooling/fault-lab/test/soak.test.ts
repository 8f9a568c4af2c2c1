/**
 * The soak for a quarter of a minute; `soak` on the command line does it for as long as one likes.
 */

import { randomUUID } from "node:crypto";
import { useServer } from "@headwater/servers/testing";
import Database from "better-sqlite3";
import { beforeEach, describe, expect, it } from "vitest";
import { DurableNumbers } from "../src/soak/durable-numbers.ts";
import { measureGrowth, type Sample } from "../src/soak/growth.ts";
import { runSoak } from "../src/soak/run-soak.ts";
import { lookLightly, lookThoroughly, StockWriter } from "../src/soak/stock.ts";

const answer = await useServer("ceph", "a soak on a real server");
const SIZES = { itemsMin: 300, bodyBytes: 1500, wave: 50 };
const TIMEOUT_MS = 300_000;
const MIB = 1024 * 1024;

describe("a soak", () => {
  beforeEach((context) => {
    if (!answer.available) context.skip(answer.reason);
  });

  it(
    "ends with images that are what a restore makes",
    async () => {
      if (!answer.available) throw new Error(answer.reason);
      const { bucket, endpoint, accessKeyId, secretAccessKey, region } = answer.connection;
      const report = await runSoak({
        place: {
          url: `s3://${bucket}/${randomUUID()}/stock.db`,
          storeOptions: { endpoint, accessKeyId, secretAccessKey, region },
        },
        durationMs: 15_000,
        perSecond: 20,
        sizes: SIZES,
        killMs: 4_000,
      });
      expect(report.problems).toEqual([]);
      expect(report.imagesCompared).toBe(3);
      expect(report.imageBytes).toBeGreaterThan(SIZES.itemsMin * SIZES.bodyBytes);
      expect(report.kills).toBeGreaterThan(0);
      expect(report.transactions).toBeGreaterThan(5);
      // Each reader that may finish ends with one.
      expect(report.thoroughLooks).toBeGreaterThan(1);
      expect(report.reader?.polls).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

describe("a stock", () => {
  function stockAfter(sql = "") {
    const database = new Database(":memory:");
    const writer = new StockWriter(
      database,
      { itemsMin: 30, bodyBytes: 90, wave: 10 },
      Math.random,
    );
    const counts: number[] = [];
    for (let count = 0; count < 40; count += 1) {
      writer.write();
      counts.push(writer.tally.itemCount);
    }
    database.exec(sql);
    return { database, writer, counts };
  }

  it("grows, shrinks, and is what its tally says", () => {
    const { database, writer, counts } = stockAfter();
    expect(Math.max(...counts)).toBeGreaterThan(40);
    expect(counts.at(-1)).toBeLessThan(Math.max(...counts));
    const sound = { type: "sound", tally: writer.tally };
    expect(lookLightly(database, Math.random)).toMatchObject(sound);
    expect(lookThoroughly(database)).toMatchObject(sound);
  });

  it.each([
    ["an item that is gone", "delete from item where id = (select max(id) from item)"],
    ["an item of another transaction", "update item set number = number - 1 where number > 35"],
    ["a tally of before", "update tally set number = number - 1"],
  ])("finds %s in either look", (_, sql) => {
    const { database } = stockAfter(sql);
    expect(lookLightly(database, Math.random)).toMatchObject({ type: "unsound" });
    expect(lookThoroughly(database)).toMatchObject({ type: "unsound" });
  });

  it("finds a body of something else in a thorough look", () => {
    const { database } = stockAfter();
    database.exec("update item set body = zeroblob(90) where id = (select min(id) from item)");
    expect(lookThoroughly(database)).toMatchObject({ type: "unsound" });
  });

  it("has another digest after each transaction", () => {
    const { database, writer } = stockAfter();
    const before = lookThoroughly(database);
    writer.write();
    expect(lookThoroughly(database)).not.toEqual(before);
  });
});

describe("growth", () => {
  const samplesOf = (count: number, one: (index: number) => Partial<Sample>): Sample[] =>
    Array.from({ length: count }, (_, index) => ({
      rssBytes: 200 * MIB,
      openCount: 30,
      ...one(index),
    }));

  it("is none while caches are filled, or garbage comes and goes", () => {
    const samples = samplesOf(90, (index) => ({
      rssBytes: (index < 30 ? 100 + 3 * index : 200 + 20 * (index % 2)) * MIB,
    }));
    expect(measureGrowth(samples).problems).toEqual([]);
  });

  it("is found in memory, and in open files", () => {
    const leaking = samplesOf(90, (index) => ({
      rssBytes: (200 + 2 * index) * MIB,
      openCount: 30 + index,
    }));
    expect(measureGrowth(leaking).problems).toEqual([
      "memory grew from 290 to 350 MiB",
      "open files and sockets grew from 75 to 105",
    ]);
  });

  it("is not told from a few samples", () => {
    const samples = samplesOf(9, (index) => ({ rssBytes: (200 + 40 * index) * MIB }));
    expect(measureGrowth(samples).problems).toEqual([]);
  });
});

describe("what must be seen", () => {
  it("is what was durable so long ago", () => {
    const durable = new DurableNumbers(10);
    durable.add(5, 100);
    durable.add(7, 104);
    expect([109, 110, 113, 114].map((nowMs) => durable.mustBeSeen(nowMs))).toEqual([0, 5, 5, 7]);
    expect(durable.newest).toBe(7);
  });
});
