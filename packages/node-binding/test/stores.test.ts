import { describe, expect, it } from "vitest";
import { dump, findDumpDifference, integrity, scalar } from "./support/dump.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { noiseQuery } from "./support/noise.ts";
import { everyStore } from "./support/stores.ts";

const part = "writing, following and hydrating on servers";
const STORES = await everyStore(part);

describe.each(STORES)("on $name", (store) => {
  it.skipIf(store.problem)(
    "a database is written, followed, hydrated and opened again",
    async () => {
      const { options } = store.place();
      const writer = await openWriter({ ...options, syncIntervalMs: 20 });
      writer.database.exec("create table item(id integer primary key, text)");
      writer.database.exec(`insert into item(text) ${noiseQuery(3000, 40)}`);
      await writer.flush();
      const reader = await openReader({ ...options, cacheBytes: 200_000 });
      await reader.waitForTxid(await writer.flush());
      expect(scalar(reader.database, "select count(*) from item")).toBe(3000);
      for (let i = 1; i <= 5; i += 1) {
        writer.database.exec(`update item set text = '${i}' where id % 100 = ${i}`);
        await reader.waitForTxid(await writer.flush());
        const count = `select count(*) from item where text = '${i}'`;
        expect(scalar(reader.database, count)).toBe(30);
      }
      const expected = await dump(writer.database);
      expect(findDumpDifference(await dump(reader.database), expected)).toBeUndefined();
      await writer.close();
      const hydrated = await openReader({ ...options, hydrate: true });
      await hydrated.hydrated();
      const again = await openWriter({ ...options, mustExist: true });
      for (const { database } of [hydrated, again]) {
        expect(findDumpDifference(await dump(database), expected)).toBeUndefined();
        expect(integrity(database)).toBe("ok");
      }
    },
  );
});
