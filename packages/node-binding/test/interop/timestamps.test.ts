import { setTimeout as sleep } from "node:timers/promises";
import { decodeHeader, parseFileName } from "@headwater/ltx";
import { type ObjectMeta, openStore } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { Litestream, litestreamProblem } from "../support/litestream.ts";
import { openWriter } from "../support/mounts.ts";
import { azureStore, fileStore, gcsStore, type Place, s3Store } from "../support/stores.ts";

const STATES = 4;
/** Enough for two transactions to be of different milliseconds. */
const APART_MS = 5;

const problem = litestreamProblem();
const part = "going to a time with Litestream on servers";
const STORES = [
  fileStore,
  await s3Store("ceph", part),
  await azureStore(part),
  await gcsStore(part),
];

describe.each(STORES)("when something was written to $name", (store) => {
  const runs = problem === undefined && store.problem === undefined;
  const suffix = problem === undefined ? "" : ` (not run: ${problem})`;

  it.runIf(runs)(`by us is known to Litestream, to the millisecond${suffix}`, async () => {
    const place = store.place();
    const writer = await openWriter(place.options);
    writer.database.exec("create table state(number integer)");
    await writer.flush();
    for (let number = 1; number <= STATES; number += 1) {
      writer.database.exec(`insert into state values (${number})`);
      await writer.flush();
      await sleep(APART_MS);
    }
    const times = (await timestampsOf(place)).slice(-STATES);
    const litestream = new Litestream(place.litestream);
    await litestream.open();
    const newest = () => litestream.value("select max(number) from state");
    expect(await newest()).toBe(STATES);
    for (let number = STATES - 1; number >= 1; number -= 1) {
      // Litestream shows what was there before a time, without what came at it.
      await litestream.exec(`pragma litestream_time = '${toIso(times[number])}'`);
      expect(await newest()).toBe(number);
      const shortlyBefore = (times[number] ?? 0) - 1;
      await litestream.exec(`pragma litestream_time = '${toIso(shortlyBefore)}'`);
      expect(await newest()).toBe(number);
    }
    await litestream.exec("pragma litestream_time = 'latest'");
    expect(await newest()).toBe(STATES);
  });

  it.runIf(runs)(`by Litestream is known to us, to the millisecond${suffix}`, async () => {
    const place = store.place();
    const litestream = new Litestream({ ...place.litestream, write: true });
    await litestream.write("create table state(number integer)");
    for (let number = 1; number <= STATES; number += 1) {
      await litestream.write(`insert into state values (${number})`);
      await sleep(APART_MS);
    }
    expect(await timestampsOf(place)).toHaveLength(STATES + 1);
  });
});

/** Of each file of level 0, as the store tells it; it must be what the file itself says. */
async function timestampsOf({ options }: Place): Promise<number[]> {
  const opened = await openStore(options.url, options.storeOptions);
  await using store = opened.store;
  const folder = store.keyLayout === "s3" ? "0000" : "ltx/0";
  const prefix = `${opened.path}/${folder}/`.replace(/^\//, "");
  const times: number[] = [];
  for await (const listed of store.list(prefix)) {
    if (parseFileName(listed.key.slice(prefix.length)) === undefined) continue;
    const { body, meta } = await store.get(listed.key);
    const { timestampMs } = decodeHeader(body);
    const told: ObjectMeta[] = [meta, await store.head(listed.key)];
    if (store.supports.listedTimestamp) told.push(listed);
    for (const answer of told) expect(answer.timestampMs).toBe(timestampMs);
    times.push(timestampMs);
  }
  expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
  return times;
}

function toIso(timeMs = 0): string {
  return new Date(timeMs).toISOString();
}
