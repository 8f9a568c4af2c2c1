/**
 * Where other programs misread their store: what is in it, and what it answers.
 */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dump, findDumpDifference, integrity, scalar } from "../support/dump.ts";
import { openReader, openWriter } from "../support/mounts.ts";
import { ReplicaBuilder } from "../support/replica-builder.ts";
import { errorOf, resultCode } from "../support/result-code.ts";
import { everyStore } from "../support/stores.ts";

const part = "two writers of one database on servers";
const STORES = await everyStore(part);

describe.each(STORES)("on $name", (store) => {
  // 20
  it.skipIf(store.problem)(
    "a writer hears of another one at its next upload, however many that one has made",
    async () => {
      const { options } = store.place();
      const first = await openWriter({ ...options, lease: "off" });
      first.database.exec("create table item(text); insert into item values ('first')");
      await first.flush();
      const second = await openWriter({ ...options, lease: "off" });
      for (let i = 1; i <= 12; i += 1) {
        second.database.exec(`update item set text = 'second ${i}'`);
        await second.flush();
      }
      first.database.exec("update item set text = 'too late'");
      await expect(first.flush()).rejects.toMatchObject({ code: "FENCED" });
      const refused = errorOf(() => first.database.exec("delete from item"));
      expect(resultCode(refused)).toBe("SQLITE_READONLY");
      second.database.exec("update item set text = text || ', and on'");
      await second.flush();
      const reader = await openReader(options);
      expect(scalar(reader.database, "select text from item")).toBe("second 12, and on");
    },
  );
});

describe("a writer that opens", () => {
  // 30
  it.each([1, 9])("begins no new database where only level %i has one", async (level) => {
    const replica = new ReplicaBuilder();
    replica.change("create table item(text); insert into item values ('old')");
    replica.change("insert into item values ('newer')");
    await replica.put(level, 1, 2);
    const { url } = replica;
    const { database, flush } = await openWriter({ url });
    expect(scalar(database, "select group_concat(text) from item")).toBe("old,newer");
    database.exec("insert into item values ('newest')");
    expect(await flush()).toBe(3n);
    const reader = await openReader({ url });
    expect(scalar(reader.database, "select group_concat(text) from item")).toBe("old,newer,newest");
    expect(integrity(reader.database)).toBe("ok");
  });
});

describe("a small file", () => {
  // 9
  it("of which any byte is damaged is told from a sound one", async () => {
    const replica = new ReplicaBuilder();
    await replica.commit(
      "create table item(text); insert into item values ('sound'), ('and well')",
    );
    const { url } = replica;
    const sound = readFileSync(replica.pathOf(0, 1));
    for (let at = 0; at < sound.length; at += 7) {
      const damaged = Buffer.from(sound);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      replica.putBytes(0, 1, 1, damaged);
      const opening = openReader({ url });
      await expect(opening, `byte ${at}`).rejects.toMatchObject({ code: "REPLICA_DAMAGED" });
    }
    replica.putBytes(0, 1, 1, sound);
    const { database } = await openReader({ url });
    const expected = await dump(replica.database);
    expect(findDumpDifference(await dump(database), expected)).toBeUndefined();
  });
});
