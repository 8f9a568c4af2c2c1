import { openStore } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { Litestream, litestreamProblem } from "../support/litestream.ts";
import { openWriter } from "../support/mounts.ts";
import { azureStore, fileStore, gcsStore, type Place } from "../support/stores.ts";

const STATES = 3;
const DAY_MS = 86_400_000;
const LONG_AGO_MS = Date.UTC(2020, 0, 1);

const problem = litestreamProblem();
const part = "going to a time in a copied replica with Litestream";
// Not S3: there, Litestream goes by the dates of the copies.
const STORES = [fileStore, await azureStore(part), await gcsStore(part)];

describe.each(STORES)("a replica that was copied on $name", (store) => {
  const runs = problem === undefined && store.problem === undefined;
  const suffix = problem === undefined ? "" : ` (not run: ${problem})`;

  it.runIf(runs)(`has the times that were put, for Litestream too${suffix}`, async () => {
    const source = store.place();
    const writer = await openWriter(source.options);
    writer.database.exec("create table state(number integer)");
    await writer.flush();
    for (let number = 1; number <= STATES; number += 1) {
      writer.database.exec(`insert into state values (${number})`);
      await writer.flush();
    }
    await writer.close();
    const copy = store.place();
    await copyReplica(source, copy);
    const litestream = new Litestream(copy.litestream);
    await litestream.open();
    const newest = () => litestream.value("select max(number) from state");
    expect(await newest()).toBe(STATES);
    for (let number = 1; number < STATES; number += 1) {
      const afterMs = LONG_AGO_MS + (number + 0.5) * DAY_MS;
      await litestream.exec(`pragma litestream_time = '${new Date(afterMs).toISOString()}'`);
      expect(await newest()).toBe(number);
    }
  });
});

/** The files of level 0, each a day later than the one before. */
async function copyReplica(source: Place, copy: Place): Promise<void> {
  const from = await openStore(source.options.url, source.options.storeOptions);
  const to = await openStore(copy.options.url, copy.options.storeOptions);
  await using reading = from.store;
  await using writing = to.store;
  const folder = (path: string) => `${path}/ltx/0/`.replace(/^\//, "");
  let timestampMs = LONG_AGO_MS;
  for await (const { key } of reading.list(folder(from.path))) {
    const { body } = await reading.get(key);
    const copied = folder(to.path) + key.slice(folder(from.path).length);
    await writing.put(copied, body, { condition: { type: "if-absent" }, timestampMs });
    timestampMs += DAY_MS;
  }
}
