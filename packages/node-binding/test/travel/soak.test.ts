/**
 * Moments at random, against a model, while a writer commits, compacts and deletes.
 */

import { SeededRandom } from "@headwater/ltx/testing";
import { describe, expect, it } from "vitest";
import { HeadwaterError } from "../../src/index.ts";
import { openWriter } from "../support/mounts.ts";
import { errorOf } from "../support/result-code.ts";
import { tempDir } from "../support/temp-dir.ts";
import {
  type Connection,
  connecting,
  DRIVERS,
  untilNoPasts,
  value,
} from "../support/travelling.ts";

const ROUNDS = 400;
const TRAVELLERS = 3;
const ROWS = 50;

/** Restoring to each transaction is not promised for long, and reading on is. */
const SOON = {
  levelIntervalsMs: [300, 900, 1800],
  snapshotIntervalMs: 2700,
  snapshotRetentionMs: 5000,
  level0RetentionMs: 600,
  retentionIntervalMs: 100,
};

const GONE = /no files reach back|cannot be restored by itself|has not been yet/;
const STATE =
  "select sum(value) || ' ' || count(*) || ' ' || (select count(*) from sqlite_schema) from bank";

interface Traveller {
  readonly connection: Connection;
  /** Undefined: the present. */
  shown: bigint | undefined;
  next: bigint | undefined;
  isReading: boolean;
  /** What it saw first in its transaction, of the present. */
  seen: unknown;
}

describe.each(DRIVERS)("travellers of %s", (_driver, driver) => {
  const connect = connecting(driver);

  it.each([1, 2])(
    "see the state of their moment and no other, seed %i",
    async (seed) => {
      const random = new SeededRandom(seed);
      const writer = await openWriter({ url: `file://${tempDir()}/app.db`, compaction: SOON });
      const { database } = writer;
      database.exec("create table bank(id integer primary key, value)");
      const insert = database.prepare("insert into bank values (?, ?)");
      for (let id = 1; id <= ROWS; id += 1) insert.run(id, id);
      const model = new Map<bigint, unknown>();
      let present: unknown;
      const look = () => database.prepare(STATE).pluck().get();
      const upload = async () => {
        const txid = await writer.flush();
        model.set(txid, present);
      };
      const change = () => {
        const number = random.below(1000);
        const id = 1 + random.below(ROWS);
        if (random.chance(0.1)) database.exec(`create table other${model.size}_${number}(a)`);
        database.exec(`insert or replace into bank values (${id}, ${number});
        delete from bank where id = ${1 + random.below(ROWS)}`);
        present = look();
      };
      change();
      await upload();
      const travellers: Traveller[] = Array.from({ length: TRAVELLERS }, () => ({
        connection: connect(writer.filename),
        shown: undefined,
        next: undefined,
        isReading: false,
        seen: undefined,
      }));
      let arrivals = 0;
      const travel = (one: Traveller) => {
        const txid = random.pick([...model.keys()].slice(-40));
        const moment = random.chance(0.2) ? undefined : txid;
        const text = moment === undefined ? "latest" : `txid:${moment}`;
        try {
          one.connection.exec(`pragma headwater_time = '${text}'`);
        } catch (error) {
          expect((error as Error).message).toMatch(GONE);
          return;
        }
        arrivals += 1;
        one.next = moment;
        if (!one.isReading) one.shown = moment;
      };
      const read = (one: Traveller) => {
        const found = value(one.connection, STATE);
        const expected = one.shown === undefined ? (one.seen ?? present) : model.get(one.shown);
        expect(found, `at ${one.shown}`).toBe(expected);
        if (one.isReading) one.seen ??= found;
      };
      const turn = (one: Traveller) => {
        one.connection.exec(one.isReading ? "commit" : "begin");
        one.isReading = !one.isReading;
        one.seen = undefined;
        if (one.isReading) read(one);
        else one.shown = one.next;
      };
      const compare = async () => {
        const txid = random.pick([...model.keys()].slice(-40));
        try {
          await using past = await writer.at(txid);
          expect(past.database.prepare(STATE).pluck().get()).toBe(model.get(txid));
        } catch (error) {
          if (!HeadwaterError.is(error, "MOMENT_NOT_FOUND")) throw error;
        }
      };
      for (let round = 0; round < ROUNDS; round += 1) {
        const one = random.pick(travellers);
        const act = random.below(10);
        if (act < 2) change();
        if (act < 2 || act === 9) await upload();
        else if (act < 4) travel(one);
        else if (act < 6) turn(one);
        else if (act === 8) await compare();
        else read(one);
      }
      for (const one of travellers) {
        if (one.isReading) turn(one);
        read(one);
        const isPast = one.shown !== undefined;
        const refused = isPast ? errorOf(() => one.connection.exec("delete from bank")) : undefined;
        expect(refused !== undefined).toBe(isPast);
        one.connection.close();
      }
      expect(arrivals).toBeGreaterThan(20);
      await untilNoPasts(writer);
      const { compaction, sync } = await writer.status();
      for (const { name, lastError } of compaction!.jobs) expect(lastError, name).toBeUndefined();
      expect(sync?.lastError).toBeUndefined();
    },
    120_000,
  );
});
