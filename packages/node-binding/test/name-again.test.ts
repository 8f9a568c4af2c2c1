/** The name of a mount is free for the next one when the one before is being ended. */

import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { mount } from "../src/index.ts";
import { scalar } from "./support/dump.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { tempDir } from "./support/temp-dir.ts";

async function place(): Promise<string> {
  const url = `file://${tempDir()}/app.db`;
  const writer = await openWriter({ url });
  writer.database.exec("create table item(text); insert into item values ('x')");
  await writer.close();
  return url;
}

it.each(["read", "write"] as const)("whose opening was given up (%s)", async (mode) => {
  const options = { url: await place(), journalDir: tempDir(), name: `given-up-${mode}.db`, mode };
  for (let afterMs = 0; afterMs < 20; afterMs += 1) {
    const end = new AbortController();
    const opening = mount({ ...options, signal: end.signal });
    await sleep(afterMs / 2);
    end.abort();
    await opening.then(
      (opened) => opened.close(),
      (error: unknown) => expect(error).toBe(end.signal.reason),
    );
    const opened = await openReader({ ...options, mode: "read" });
    expect(scalar(opened.database, "select text from item")).toBe("x");
    await opened.close();
  }
});

it("that is being closed", async () => {
  const options = { url: await place(), name: "closed.db" };
  const first = await openWriter({ ...options, journalDir: tempDir() });
  first.database.exec("insert into item values ('y')");
  const closing = first.close();
  const second = await openReader(options);
  expect(scalar(second.database, "select text from item")).toBe("x");
  await closing;
});

it("but whoever waits for it may give up, too", async () => {
  const options = { url: await place(), name: "waited-for.db" };
  const first = await openReader(options);
  const closing = first.close();
  const end = new AbortController();
  const opening = mount({ ...options, signal: end.signal });
  end.abort();
  await expect(opening).rejects.toBe(end.signal.reason);
  await closing;
});
