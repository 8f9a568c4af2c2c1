/**
 * Waiting for a transaction that somebody else writes, by a reader that looks only when asked.
 */

import { describe, expect, it } from "vitest";
import type { OpenedDatabase } from "../src/index.ts";
import { scalar } from "./support/dump.ts";
import { eventually } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { fileStore, s3Store, type TestStore } from "./support/stores.ts";

const STORES: readonly TestStore[] = [fileStore, await s3Store("ceph", "waiting for transactions")];
const COUNT = "select count(*) from note";

async function openBoth(store: TestStore) {
  const { options } = store.place();
  const writer = await openWriter(options);
  writer.database.exec("create table note(body)");
  const txid = await writer.flush();
  const reader = await openReader({ ...options, name: "reader.db" });
  return { writer, reader, txid };
}

const pauseOf = async ({ status }: OpenedDatabase) => (await status()).follow!.pollPauseMs;

/** Resolves once it looks of its own accord, or no longer does. */
function untilLooking(reader: OpenedDatabase, isLooking: boolean): Promise<true> {
  return eventually("looking", async () =>
    ((await pauseOf(reader)) !== undefined) === isLooking ? true : undefined,
  );
}

for (const store of STORES) {
  describe.skipIf(store.problem !== undefined)(`waitForTxid() on ${store.name}`, () => {
    it("ends when readers see the transaction, and with it the looking", async () => {
      const { writer, reader, txid } = await openBoth(store);
      expect(await pauseOf(reader)).toBeUndefined();
      const waiting = reader.waitForTxid(txid + 1n);
      await untilLooking(reader, true);
      expect(scalar(reader.database, COUNT)).toBe(0);
      writer.database.exec("insert into note values ('from elsewhere')");
      expect(await writer.flush()).toBe(txid + 1n);
      await waiting;
      expect(scalar(reader.database, COUNT)).toBe(1);
      await untilLooking(reader, false);
      await reader.waitForTxid(1n);
    });

    it("ends with its signal, and with it the looking; others wait on", async () => {
      const { writer, reader, txid } = await openBoth(store);
      const [stop, other] = [new AbortController(), new AbortController()];
      const waiting = reader.waitForTxid(txid + 9n, { signal: stop.signal });
      const beside = reader.waitForTxid(txid + 1n, { signal: other.signal });
      await untilLooking(reader, true);
      const reason = new Error("it takes too long");
      stop.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      writer.database.exec("insert into note values ('from elsewhere')");
      await writer.flush();
      await beside;
      await untilLooking(reader, false);
      await expect(reader.waitForTxid(99n, { signal: stop.signal })).rejects.toBe(reason);
      expect(await pauseOf(reader)).toBeUndefined();
    });

    it("ends with the mount", async () => {
      const { reader, txid } = await openBoth(store);
      const waiting = reader.waitForTxid(txid + 1n);
      const ended = expect(waiting).rejects.toMatchObject({ code: "CLOSED" });
      await untilLooking(reader, true);
      await reader.close();
      await ended;
    });
  });
}
