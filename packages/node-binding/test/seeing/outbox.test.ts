import { SEEN_CHANNELS, type Seen, type SeenChannel } from "@headwater/vfs-core";
import { expect, it } from "vitest";
import { SEEN_WAITING_MAX, SeenOutbox } from "../../src/engine/seen-outbox.ts";
import { bitOf } from "../../src/seeing/channel-bit.ts";
import type { SeenAfter } from "../../src/seeing/channels.ts";

function seen(channel: SeenChannel, at: number): Seen {
  return { channel, message: { mount: `m${at}` } } as unknown as Seen;
}

function makeOutbox(...channels: SeenChannel[]) {
  const wanted = new SharedArrayBuffer(4);
  new Int32Array(wanted)[0] = channels.reduce((bits, channel) => bits | bitOf(channel), 0);
  const batches: (readonly SeenAfter[])[] = [];
  return { outbox: new SeenOutbox({ wanted, post: (batch) => batches.push(batch) }), batches };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const mountsOf = (batch: readonly SeenAfter[] = []) => batch.map(({ message }) => message.mount);

it("each channel has a bit of its own", () => {
  expect(new Set(SEEN_CHANNELS.map(bitOf)).size).toBe(SEEN_CHANNELS.length);
  const { outbox } = makeOutbox("poll", "conflict");
  expect(SEEN_CHANNELS.filter((channel) => outbox.wants(channel))).toEqual(["poll", "conflict"]);
});

it("messages of a turn go together, in order, and the rest when they have arrived", async () => {
  const { outbox, batches } = makeOutbox("fetch");
  for (const at of [1, 2, 3]) outbox.tell(seen("fetch", at));
  expect(batches).toEqual([]);
  await turn();
  for (const at of [4, 5]) outbox.tell(seen("fetch", at));
  await turn();
  expect(batches.map(mountsOf)).toEqual([["m1", "m2", "m3"]]);
  outbox.saw();
  expect(batches.map(mountsOf).at(-1)).toEqual(["m4", "m5"]);
  outbox.saw();
  outbox.tell(seen("fetch", 6));
  await turn();
  expect(batches.map(mountsOf).at(-1)).toEqual(["m6"]);
});

it("what a busy thread has no room for is left out, and counted by channel", async () => {
  const { outbox, batches } = makeOutbox("fetch", "poll");
  outbox.tell(seen("fetch", 0));
  await turn();
  for (let at = 1; at <= SEEN_WAITING_MAX + 10; at += 1) outbox.tell(seen("fetch", at));
  for (let at = 1; at <= 3; at += 1) outbox.tell(seen("poll", at));
  outbox.saw();
  expect(batches.at(-1)).toHaveLength(SEEN_WAITING_MAX);
  expect(batches.at(-1)?.every(({ dropped }) => dropped === 0)).toBe(true);
  for (const channel of ["fetch", "poll", "fetch"] as const) outbox.tell(seen(channel, 0));
  outbox.saw();
  expect(batches.at(-1)?.map(({ dropped }) => dropped)).toEqual([10, 3, 0]);
});

it("the rest is posted at the end, whether or not the thread has time", async () => {
  const { outbox, batches } = makeOutbox("lease");
  outbox.tell(seen("lease", 1));
  await turn();
  outbox.tell(seen("lease", 2));
  outbox.end();
  expect(batches.map(mountsOf)).toEqual([["m1"], ["m2"]]);
  outbox.saw();
  outbox.end();
  expect(batches).toHaveLength(2);
});
