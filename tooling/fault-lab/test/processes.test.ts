/**
 * The real thing for half a minute; `processes` on the command line does it for as long as one
 * likes, on any bucket.
 */

import { randomUUID } from "node:crypto";
import { useServer } from "@headwater/servers/testing";
import Database from "better-sqlite3";
import { beforeEach, describe, expect, it } from "vitest";
import {
  type Audit,
  audit,
  CREATE_BANK,
  transferStatements,
} from "../src/processes/bank-database.ts";
import { Ledger } from "../src/processes/ledger.ts";
import { runProcesses } from "../src/processes/run-processes.ts";

const answer = await useServer("ceph", "processes that are killed, on a real server");
const DURATION_MS = 20_000;
const TIMEOUT_MS = 180_000;

describe("processes that are killed", () => {
  beforeEach((context) => {
    if (!answer.available) context.skip(answer.reason);
  });

  it(
    "lose nothing that was acknowledged, and nobody sees a wrong sum",
    async () => {
      if (!answer.available) throw new Error(answer.reason);
      const { bucket, endpoint, accessKeyId, secretAccessKey, region } = answer.connection;
      const url = `s3://${bucket}/${randomUUID()}/bank.db`;
      const report = await runProcesses({
        place: {
          url,
          storeOptions: { endpoint, accessKeyId, secretAccessKey, region },
          litestream: {
            url: `${url}?endpoint=${encodeURIComponent(endpoint)}&region=${region}`,
            env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
          },
        },
        durationMs: DURATION_MS,
        writersMin: 3,
        killsMax: 1_000,
        litestream: process.platform === "linux",
      });
      expect(report.problems).toEqual([]);
      expect(report.kills + report.freezes).toBeGreaterThan(3);
      expect(report.writersOpened).toBeGreaterThan(2);
      expect(report.durableTransfers).toBeGreaterThan(100);
      expect(report.followerLooks).toBeGreaterThan(10);
    },
    TIMEOUT_MS,
  );
});

describe("an audit", () => {
  function bankAfter(statements: readonly string[]): Audit {
    const database = new Database(":memory:");
    const draws = [0.1, 0.5, 0.9, 0.3];
    let next = 0;
    const random = () => draws[next++ % draws.length]!;
    const moves = [1, 2, 3].flatMap((n) => transferStatements("w1", n, random));
    for (const sql of [...CREATE_BANK, ...moves, ...statements]) database.exec(sql);
    return audit((sql) => database.prepare(sql).raw().all() as unknown[][]);
  }

  it("tells what a sound database holds", () => {
    expect(bankAfter([])).toEqual({ type: "sound", held: { w1: 3 } });
  });

  it.each([
    ["a sum that changed", "update account set balance = balance + 1 where id = 1"],
    ["an account that is gone", "delete from account where id = 9"],
    ["a transfer without its predecessor", "delete from transfer where n = 2"],
    ["a transfer of which the half is there", "delete from transfer where n = 3"],
    [
      "a transfer that nobody wrote down",
      `update account set balance = balance +
      case id when 1 then 5 when 2 then -5 else 0 end`,
    ],
  ])("finds %s", (_, sql) => {
    expect(bankAfter([sql])).toMatchObject({ type: "unsound" });
  });
});

describe("the ledger", () => {
  const sound = (held: Record<string, number>): Audit => ({ type: "sound", held });

  it("finds nothing wrong when everything durable is there", () => {
    const ledger = new Ledger();
    ledger.acknowledge("w1", 10);
    const must = ledger.durableNow();
    ledger.acknowledge("w1", 20);
    ledger.look("r", sound({ w1: 10 }), must);
    ledger.look("r", sound({ w1: 20, w2: 3 }), must);
    expect(ledger.problems).toEqual([]);
    expect(ledger.durableCount).toBe(20);
  });

  it("finds what is missing, gone again, or unsound", () => {
    const ledger = new Ledger();
    ledger.acknowledge("w1", 10);
    ledger.look("a", sound({ w1: 9 }), ledger.durableNow());
    ledger.look("b", sound({ w1: 10, w2: 5 }), ledger.durableNow());
    ledger.look("b", sound({ w1: 10, w2: 4 }), ledger.durableNow());
    ledger.look("c", { type: "unsound", why: "one is missing" }, {});
    expect(ledger.problems).toEqual([
      "a: 9 transfers of w1, of which 10 was durable",
      "b: 4 transfers of w2, of which 5 was seen before",
      "c: one is missing",
    ]);
  });
});
