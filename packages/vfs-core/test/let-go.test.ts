/** What is closed is not kept in memory by anything, and its page cache goes with it. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { openMount } from "../src/index.ts";
import { WriterDeviceFactory } from "../src/testing/index.ts";
import { range, World } from "./support/world.ts";
import { makeFolder } from "./support/writing.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Whether nothing but weak references leads to it any more. */
async function isGone(ref: WeakRef<object>): Promise<boolean> {
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
    if (ref.deref() === undefined) return true;
  }
  return false;
}

async function world(): Promise<World> {
  const made = new World({ pageSize: 4096 });
  await made.write({ pages: range(1, 40) });
  return made;
}

/** Opens, works, closes, and forgets. */
async function openAndClose(
  { store, path, url }: World,
  options: Partial<Parameters<typeof openMount>[0]>,
): Promise<WeakRef<object>> {
  const factory = new WriterDeviceFactory();
  const named = { name: "app.db", store, path, url, cacheBytes: 1_000_000 };
  const opened = await openMount(
    { ...named, mode: "read", ...options } as Parameters<typeof openMount>[0],
    factory,
  );
  await opened.flush();
  await opened.close();
  return new WeakRef(opened);
}

it.each([
  ["a reader", {}],
  ["a reader that fills a local copy", { hydrate: {} }],
  ["a writer without a lease", { mode: "write", lease: "off" }],
  ["a writer", { mode: "write" }],
  ["a writer that does not compact", { mode: "write", compaction: "off" }],
  ["a reader that could be ended", { signal: new AbortController().signal }],
  [
    "a writer that could be ended",
    {
      mode: "write",
      signal: AbortSignal.any([new AbortController().signal, new AbortController().signal]),
    },
  ],
] as const)("%s is let go of", async (_, options) => {
  const journalDir = makeFolder();
  const ref = await openAndClose(await world(), { ...options, journalDir } as never);
  expect(await isGone(ref)).toBe(true);
});
