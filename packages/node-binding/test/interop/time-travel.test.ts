/**
 * The same moments of the same bucket, asked of Litestream and of us.
 */

import { toTxid } from "@headwater/ltx";
import { SeededRandom } from "@headwater/ltx/testing";
import { openStore } from "@headwater/object-store";
import { replicaLayout } from "@headwater/vfs-core";
import { describe, expect, it } from "vitest";
import { Litestream, litestreamProblem } from "../support/litestream.ts";
import { openReader } from "../support/mounts.ts";
import { ReplicaBuilder } from "../support/replica-builder.ts";
import { azureStore, fileStore, gcsStore, type Place, s3Store } from "../support/stores.ts";

const STATES = 24;
/** Before, at and after each transaction, and between two. */
const OFFSETS_MS = [-1, 0, 1, 500];

const SUMMARY = "select count(*), max(number), total(length(filler)) from state";

const problem = litestreamProblem();
const suffix = problem === undefined ? "" : ` (not run: ${problem})`;
const part = "going to the same times as Litestream on servers";

type Files = readonly (readonly [level: number, min: number, max: number])[];

/** Changes that make the database grow and shrink. */
function makeBuilder(): ReplicaBuilder {
  const builder = new ReplicaBuilder({ autoVacuum: "full" });
  builder.change("create table state(number integer primary key, filler)");
  for (let number = 2; number <= STATES; number += 1) {
    const filler = `zeroblob(${(number * 977) % 9000})`;
    const fewer = number % 5 === 0 ? `delete from state where number < ${number - 3};` : "";
    builder.change(`begin; ${fewer} insert into state values (${number}, ${filler}); commit`);
  }
  return builder;
}

/** Levels as compaction and retention leave them; in some a transaction is lost. */
function arrange(seed: number): Files {
  const random = new SeededRandom(seed);
  const files: [number, number, number][] = [];
  const lost = seed % 2 === 0 ? undefined : 5 + random.below(6);
  const isWhole = (min: number, max: number) => lost === undefined || lost < min || lost > max;
  const bases =
    lost === undefined
      ? [3 + random.below(6), 10 + random.below(8)]
      : [lost - 2, lost + 2 + random.below(4)];
  for (const max of bases) files.push([9, 1, max]);
  let end = STATES - random.below(3);
  for (const level of [1, 2, 3]) {
    for (let min = 1; min <= end; ) {
      const max = Math.min(end, min + random.below(3 * level));
      if (isWhole(min, max)) files.push([level, min, max]);
      min = max + 1;
    }
    end -= 1 + random.below(4);
  }
  const first = lost === undefined ? 1 + random.below(STATES - 4) : lost + 1 + random.below(3);
  for (let txid = first; txid <= STATES; txid += 1) files.push([0, txid, txid]);
  return files;
}

async function putFiles({ options }: Place, builder: ReplicaBuilder, files: Files): Promise<void> {
  const { store, path } = await openStore(options.url, options.storeOptions);
  await using _ = store;
  const { fileKey } = replicaLayout(store.keyLayout, path);
  for (const [level, min, max] of files) {
    const key = fileKey(level, toTxid(BigInt(min)), toTxid(BigInt(max)));
    await store.put(key, await builder.bytesOf(min, max), {
      condition: { type: "none" },
      timestampMs: ReplicaBuilder.timeOf(max),
    });
  }
}

function momentsOf(step: number): string[] {
  const moments: string[] = [];
  for (let txid = 1; txid <= STATES; txid += step) {
    for (const offsetMs of OFFSETS_MS) {
      moments.push(new Date(ReplicaBuilder.timeOf(txid) + offsetMs).toISOString());
    }
  }
  return moments;
}

/** Of each moment what there is, or that there is nothing. */
async function compare(place: Place, seed: number, step: number): Promise<void> {
  const files = arrange(seed);
  await putFiles(place, makeBuilder(), files);
  const litestream = new Litestream(place.litestream);
  await litestream.open();
  const { database } = await openReader(place.options);
  const seen = new Set<string>();
  for (const moment of momentsOf(step)) {
    const set = `pragma litestream_time = '${moment}'`;
    const theirs = await litestream.exec(set).then(
      async () => [
        ...(await litestream.query(SUMMARY))[0]!,
        await litestream.value("pragma litestream_txid"),
      ],
      () => undefined,
    );
    let mine: unknown[] | undefined;
    try {
      database.exec(set);
      const [row] = database.prepare(SUMMARY).raw().all() as unknown[][];
      mine = [...row!, database.pragma("headwater_txid", { simple: true })];
    } catch (error) {
      expect((error as Error).message).toMatch(/no files reach back/);
    }
    expect(mine, `${moment} of ${JSON.stringify(files)}`).toEqual(theirs);
    if (mine !== undefined) {
      expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
      seen.add(String(mine.at(-1)));
    }
  }
  expect(seen.size).toBeGreaterThan(step === 1 ? 6 : 2);
  database.exec("pragma headwater_time = 'latest'");
  const [row] = database.prepare(SUMMARY).raw().all() as unknown[][];
  expect(row?.[1]).toBe(STATES);
  await litestream.end();
}

describe("any time", () => {
  it.runIf(problem === undefined).each([1, 2, 3, 4, 5, 6])(
    `leads where it leads Litestream, seed %i${suffix}`,
    (seed) => compare(fileStore.place(), seed, 1),
    60_000,
  );
});

const SERVERS = [await s3Store("ceph", part), await azureStore(part), await gcsStore(part)];

describe.each(SERVERS)("any time on $name", (store) => {
  it.runIf(problem === undefined && store.problem === undefined)(
    `leads where it leads Litestream${suffix}`,
    async () => {
      for (const seed of [7, 8]) await compare(store.place(), seed, 5);
    },
    60_000,
  );
});
