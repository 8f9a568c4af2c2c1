/**
 * The hydrated reader: fills a local copy, and from then on reads without the store.
 *
 * It does not look for new transactions, so that every request in its report is one for pages.
 */

import { join } from "node:path";
import { type OpenedDatabase, openDatabase } from "@headwater/node-binding";
import { LATER_TRANSACTIONS, ROWS, readNotes } from "./notes.ts";
import { playRole } from "./role.ts";

const POINT_READS = 10_000;

await playRole(async (role) => {
  const { url, folder } = role.job;
  let opened: OpenedDatabase | undefined;
  await role.step("hydrate", async () => {
    const path = join(folder, "image.db");
    opened = await openDatabase({ url, hydrate: { path }, pollIntervalMs: 0 });
    await opened.hydrated();
    const { pageCount } = await opened.status();
    return { mount: opened, count: pageCount };
  });
  const hw = opened as OpenedDatabase;
  await using _ = hw;
  await role.step("read", async () => ({ mount: hw, ...readNotes(hw.database) }));
  await role.step("read one by one", async () => {
    const startedAt = performance.now();
    readOneByOne(hw);
    return { mount: hw, count: POINT_READS, ms: (performance.now() - startedAt) / POINT_READS };
  });
  await role.waitForParent();
});

function readOneByOne({ database }: OpenedDatabase): void {
  const byId = database.prepare("select body from notes where id = ?");
  const rows = ROWS + LATER_TRANSACTIONS;
  for (let i = 0; i < POINT_READS; i += 1) {
    if (byId.get(1 + ((i * 7919) % rows)) === undefined) throw new Error("a row is missing");
  }
}
