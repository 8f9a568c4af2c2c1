/**
 * A commit on one thread and the engine on another, which asks to be told of the next commit only
 * when it has nothing to do: none may fall between its last look and its sleep.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { within } from "./support/eventually.ts";
import { openWriter } from "./support/mounts.ts";
import { tempDir } from "./support/temp-dir.ts";

const COMMITS = 150;

it("every commit is uploaded by itself, whenever it comes", async () => {
  const { database, on, status } = await openWriter({
    url: `file://${tempDir()}/app.db`,
    syncIntervalMs: 1,
  });
  let wakeWaiter = (_seq: number): void => {};
  on("synced", ({ seq }) => wakeWaiter(seq));
  database.exec("create table item(at)");
  const insert = database.prepare("insert into item values (?)");
  for (let at = 0; at < COMMITS; at += 1) {
    // The engine tells of an upload a little before it is done with it and looks for another.
    await sleep(at % 4);
    for (const until = performance.now() + Math.random(); performance.now() < until; );
    const synced = new Promise<void>((resolve) => {
      wakeWaiter = (seq) => {
        if (seq >= at + 2) resolve();
      };
    });
    insert.run(at);
    await within(`upload of commit ${at}`, synced);
  }
  expect((await status()).sync).toMatchObject({ pendingCount: 0 });
});
