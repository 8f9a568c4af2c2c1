/** What a writer leaves on disk when it goes: nothing, or everything that is needed. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { faulty } from "@headwater/object-store/testing";
import { expect, it } from "vitest";
import { systemSegmentFiles } from "../src/testing/index.ts";
import { failingStore } from "./support/failing.ts";
import { openPlayer } from "./support/roles.ts";
import { range, World } from "./support/world.ts";
import { makeFolder, openWriter, pagesOf } from "./support/writing.ts";

async function worldOfThree(): Promise<World> {
  const world = new World();
  await world.write({ pages: range(1, 3) });
  return world;
}

const newPath = () => join(makeFolder(), "journal");

it("leaves nothing behind when everything is in the bucket", async () => {
  const world = await worldOfThree();
  for (const lease of ["off", {}] as const) {
    const writer = await openWriter(world, { lease, journalDir: newPath() });
    expect(readdirSync(writer.journalDir)).toContain("replica.json");
    writer.device.commit(pagesOf(world, [2], 7), 3);
    await writer.mount.close();
    expect(existsSync(writer.journalDir)).toBe(false);
  }
  const idle = await openWriter(world, { journalDir: newPath() });
  await idle.mount.close();
  expect(existsSync(idle.journalDir)).toBe(false);
});

it("leaves a folder that was there before, empty, for any replica", async () => {
  const world = await worldOfThree();
  const journalDir = makeFolder();
  const writer = await openWriter(world, { journalDir });
  writer.device.commit(pagesOf(world, [2], 7), 3);
  await writer.mount.close();
  expect(readdirSync(journalDir)).toEqual([]);
  const other = new World();
  const second = await openWriter(other, { journalDir });
  second.device.commit(pagesOf(other, [1], 7), 1);
  await second.mount.close();
  expect(readdirSync(journalDir)).toEqual([]);
});

it("leaves nothing behind when it becomes a reader, and when it closes after that", async () => {
  const world = await worldOfThree();
  const player = await openPlayer(world, { journalDir: newPath() });
  for (const mark of [7, 8]) {
    await player.mount.promote();
    player.device.commit(pagesOf(world, [2], mark), 3);
    await player.mount.demote();
    expect(existsSync(player.journalDir)).toBe(false);
  }
  await player.mount.close();
  expect(existsSync(player.journalDir)).toBe(false);
});

it("leaves everything when a commit could not be uploaded", async () => {
  const world = await worldOfThree();
  const store = failingStore(world.store);
  const journalDir = newPath();
  const writer = await openWriter(world, { store: store.target, journalDir });
  writer.device.commit(pagesOf(world, [2], 7), 3);
  store.arm(0);
  await expect(writer.mount.close()).rejects.toMatchObject({ code: "STORE_FORBIDDEN" });
  const again = await openWriter(world, { journalDir });
  expect(again.device.state().seq).toBe(1);
  expect(await again.mount.flush()).toBe(2n);
  await again.mount.close();
  expect(existsSync(journalDir)).toBe(false);
});

it("lets go of everything when the disk cannot be flushed", async () => {
  const world = await worldOfThree();
  const files = {
    ...systemSegmentFiles,
    sync: () => {
      throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
    },
  };
  const lease = { owner: "first" };
  const { mount, device, journalDir } = await openWriter(world, { lease }, { files });
  device.commit(pagesOf(world, [2], 7), 3);
  await expect(mount.close()).rejects.toThrow("EIO");
  expect(device.isClosed).toBe(true);
  const again = await openWriter(world, { journalDir, lease: { owner: "second" } });
  expect(await again.mount.flush()).toBe(2n);
  await again.mount.close();
});

it("leaves everything when it was fenced, even if nothing was pending", async () => {
  const world = await worldOfThree();
  for (const isPending of [true, false]) {
    const writer = await openWriter(world, { journalDir: newPath() });
    const store = world.store;
    writer.device.commit(pagesOf(world, [2], 7), 3);
    if (!isPending) await writer.mount.flush();
    writer.device.commit(pagesOf(world, [2], 8), 3);
    const txid = Number(writer.mount.status().txid) + 1;
    const { body } = await store.get(world.key(0, 1, 1));
    await world.put(0, txid, txid, body);
    await expect(writer.mount.flush()).rejects.toMatchObject({ code: "FENCED" });
    await expect(writer.mount.close()).rejects.toMatchObject({ code: "FENCED" });
    expect(readdirSync(writer.journalDir)).toContain("state.json");
    await world.remove(0, txid, txid);
  }
});

it("leaves the records while an upload may still arrive that only they know", async () => {
  const world = new World();
  const journalDir = makeFolder();
  await (await openWriter(world, { journalDir })).mount.close();
  const sent = { txid: "1", seq: 1, fileChecksum: "5" };
  const replica = { version: 1, replica: world.url };
  writeFileSync(join(journalDir, "replica.json"), JSON.stringify(replica));
  const record = JSON.stringify({ version: 1, intents: [sent] });
  writeFileSync(join(journalDir, "intent.json"), record);
  // There is no page yet that a fence could state again.
  const writer = await openWriter(world, { journalDir });
  await writer.mount.close();
  expect(readFileSync(join(journalDir, "intent.json"), "utf8")).toContain('"txid":"1"');
  const later = await openWriter(world, { journalDir });
  later.device.commit(pagesOf(world, [1], 7), 1);
  await later.mount.close();
  expect(readdirSync(journalDir)).toEqual([]);
});

it("refuses a COMMIT that begins after the close did, and closes with none left over", async () => {
  const world = await worldOfThree();
  const rules = [{ fault: { type: "slow", delayMs: 200 }, operation: "put" }] as const;
  const store = faulty(world.store, { rules });
  const writer = await openWriter(world, { store, journalDir: newPath() });
  writer.device.commit(pagesOf(world, [2], 7), 3);
  using _ = writer.device.openTransaction();
  const closing = writer.mount.close();
  expect(() => writer.device.commit(pagesOf(world, [2], 8), 3)).toThrow("is being closed");
  await closing;
  expect(existsSync(writer.journalDir)).toBe(false);
});

it("leaves nothing behind when it could not begin", async () => {
  const world = await worldOfThree();
  const holder = await openWriter(world, { lease: {} });
  const journalDir = newPath();
  const opening = openWriter(world, { lease: {}, journalDir });
  await expect(opening).rejects.toMatchObject({ code: "LEASE_HELD" });
  expect(existsSync(journalDir)).toBe(false);
  const player = await openPlayer(world, { journalDir });
  await expect(player.mount.promote()).rejects.toMatchObject({ code: "LEASE_HELD" });
  expect(existsSync(journalDir)).toBe(false);
  await holder.mount.close();
});
