/** A reader becomes a writer. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeLtx } from "@headwater/ltx";
import { MemoryStore } from "@headwater/object-store/memory";
import { describe, expect, it } from "vitest";
import { systemDisk } from "../src/disk/system-disk.ts";
import { systemClock } from "../src/index.ts";
import { systemSegmentFiles } from "../src/testing/index.ts";
import { makeNodeId } from "../src/write/node-id.ts";
import { JumpingClock } from "./support/clock.ts";
import { failingDisk, failingStore } from "./support/failing.ts";
import { openPlayer, type Player, seen } from "./support/roles.ts";
import { storeWith } from "./support/store-with.ts";
import { range, World } from "./support/world.ts";
import { openWriter, pagesOf } from "./support/writing.ts";

/** One opening and one promotion for each call is much on a machine that is busy. */
const CALLS_MS_MAX = 180_000;
const NONE = { condition: { type: "none" } } as const;
const SILENT = new TextEncoder().encode(
  JSON.stringify({
    generation: 4,
    owner: "a",
    nonce: "n",
    expires_at: "2026-01-01T00:00:00Z",
    ttl_ms: 1_000,
  }),
);

/** The record of a holder of whom nothing was heard since. */
async function leaveSilentHolder({ bucket, path }: World): Promise<void> {
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() - 60_000 };
  await new MemoryStore({ bucket, clock }).put(`${path}/lock.json`, SILENT, NONE);
}

async function worldOfThree(): Promise<World> {
  const world = new World();
  await world.write({ pages: range(1, 3) });
  return world;
}

function segmentsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".journal"));
}

/** It is a reader as before: it follows, and whoever wants the lease and the folder gets them. */
async function expectReader(world: World, player: Player): Promise<void> {
  const { mount, device, journalDir } = player;
  expect(mount.mode).toBe("read");
  expect(() => device.commit(pagesOf(world, [1], 1), 1)).toThrow("READ_ONLY");
  const other = await openWriter(world, { journalDir, lease: { owner: "other" } });
  other.device.commit(pagesOf(world, [2], 77), other.device.state().pageCount);
  const txid = await other.mount.flush();
  await other.mount.close();
  await mount.waitForTxid(txid);
  expect(mount.status().txid).toBe(txid);
  expect((await seen(player))[1]).toEqual(world.content(2, 77));
}

describe("a promotion", () => {
  it("takes what the bucket has, and then commits, under the readers that are open", async () => {
    const world = await worldOfThree();
    const player = await openPlayer(world);
    const { mount, device } = player;
    using old = device.snapshot();
    await world.write({ pages: [2] });
    await mount.promote();
    expect(mount.mode).toBe("write");
    expect(mount.status()).toMatchObject({ mode: "write", txid: 2n, follow: undefined });
    expect(await old.readPage(2)).toEqual(world.pageAt(1, 2));
    device.commit(pagesOf(world, [3, 4], 50), 4);
    expect(await seen(player)).toEqual([
      world.pageAt(2, 1),
      world.pageAt(2, 2),
      world.content(3, 50),
      world.content(4, 50),
    ]);
    expect(await mount.flush()).toBe(3n);
    expect(await old.readPage(3)).toEqual(world.pageAt(1, 3));
    const { header } = decodeLtx(await world.body(0, 3, 3));
    const { fileChecksum } = decodeLtx(await world.body(0, 2, 2)).trailer;
    const nodeId = makeNodeId({ generation: 1n, previousChecksum: fileChecksum });
    expect(header).toMatchObject({ nodeId, commit: 4 });
    expect(player.events.filter(({ type }) => type !== "synced")).toEqual([
      { type: "remoteCommit", txid: 2n },
      { type: "promoted" },
    ]);
  });

  it("changes nothing for a writer", async () => {
    const world = await worldOfThree();
    const { mount, events } = await openPlayer(world);
    await mount.promote();
    await mount.promote();
    expect(events).toEqual([{ type: "promoted" }]);
  });

  it("puts a fence when the holder before went silent, and builds on it", async () => {
    const world = await worldOfThree();
    const player = await openPlayer(world);
    await leaveSilentHolder(world);
    await player.mount.promote();
    expect([...decodeLtx(await world.body(0, 2, 2)).index.pgnos]).toEqual([1]);
    const { seq } = player.device.state();
    const record = readFileSync(join(player.journalDir, "state.json"), "utf8");
    expect(JSON.parse(record)).toMatchObject({ txid: "2", seq });
    player.device.commit(pagesOf(world, [1], 9), 3);
    expect(await player.mount.flush()).toBe(3n);
  });

  it("puts a fence when an upload of an earlier run may still arrive", async () => {
    const world = await worldOfThree();
    const writer = await openWriter(world);
    const { journalDir } = writer;
    writer.device.commit(pagesOf(world, [1], 5), 3);
    await writer.mount.flush();
    await writer.mount.close();
    const sent = { txid: "3", seq: 1, fileChecksum: "5", isTakenBack: true };
    const record = JSON.stringify({ version: 1, intents: [sent] });
    writeFileSync(join(journalDir, "intent.json"), record);
    const player = await openPlayer(world, { journalDir });
    await player.mount.promote();
    expect([...decodeLtx(await world.body(0, 3, 3)).index.pgnos]).toEqual([1]);
    player.device.commit(pagesOf(world, [1], 9), 3);
    expect(await player.mount.flush()).toBe(4n);
  });

  it("is refused when the lease is lost before it is done", async () => {
    const world = await worldOfThree();
    const clock = new JumpingClock();
    let isLate = false;
    const store = storeWith(world.store, {
      list: (prefix, options) => {
        if (isLate) clock.jump(600_000);
        return world.store.list(prefix, options);
      },
    });
    const player = await openPlayer(world, { store, clock });
    isLate = true;
    await expect(player.mount.promote()).rejects.toMatchObject({ code: "FENCED" });
    isLate = false;
    expect(player.mount.mode).toBe("read");
    expect(() => player.device.commit(pagesOf(world, [1], 1), 3)).toThrow("READ_ONLY");
  });

  it("follows nobody any more", async () => {
    const world = await worldOfThree();
    const { mount } = await openPlayer(world, { lease: "off", pollIntervalMs: 1 });
    await mount.promote();
    await world.write({ pages: [1] });
    await systemClock.sleep(100);
    expect(mount.status()).toMatchObject({ txid: 1n, seq: 0 });
  });

  it("serves new pages that nobody has written yet, which are zeros", async () => {
    const world = await worldOfThree();
    const player = await openPlayer(world);
    await player.mount.promote();
    player.device.commit(pagesOf(world, [1, 6], 9), 6);
    expect((await seen(player))[4]).toEqual(new Uint8Array(world.pageSize));
  });

  it("waits for a lease that another holds, if it is told to", async () => {
    const world = await worldOfThree();
    const { mount } = await openPlayer(world);
    const holder = await openWriter(world, { lease: { owner: "holder" } });
    await expect(mount.promote()).rejects.toMatchObject({ code: "LEASE_HELD" });
    const promoted = mount.promote({ waitMs: 20_000 });
    holder.device.commit(pagesOf(world, [1], 5), 3);
    await holder.mount.close();
    await promoted;
    expect(mount.status()).toMatchObject({ mode: "write", txid: 2n });
  });

  it("goes on following while it waits for the lease", async () => {
    const world = await worldOfThree();
    const player = await openPlayer(world);
    const holder = await openWriter(world, { lease: { owner: "holder" } });
    const promoted = player.mount.promote({ waitMs: 600_000 });
    holder.device.commit(pagesOf(world, [2], 30), 3);
    const txid = await holder.mount.flush();
    await player.mount.waitForTxid(txid);
    expect(await player.mount.flush()).toBe(txid);
    expect((await seen(player))[1]).toEqual(world.content(2, 30));
    await holder.mount.close();
    await promoted;
    player.device.commit(pagesOf(world, [2], 31), 3);
    expect(await player.mount.flush()).toBe(txid + 1n);
  });

  it("ends with its signal, and the mount reads on", async () => {
    const world = await worldOfThree();
    const player = await openPlayer(world);
    const holder = await openWriter(world, { lease: { owner: "holder" } });
    const end = new AbortController();
    const promoted = player.mount.promote({ waitMs: 600_000, signal: end.signal });
    end.abort(new Error("enough"));
    await expect(promoted).rejects.toThrow("enough");
    await holder.mount.close();
    await expectReader(world, player);
  });

  it("ends when the mount is closed", async () => {
    const world = await worldOfThree();
    const { mount } = await openPlayer(world);
    const holder = await openWriter(world, { lease: { owner: "holder" } });
    const promoted = mount.promote({ waitMs: 600_000 });
    promoted.catch(() => {});
    await mount.close();
    await expect(promoted).rejects.toMatchObject({ code: "CLOSED" });
    await holder.mount.close();
  });

  it("refuses a journal with commits that the bucket lacks, and leaves it as it is", async () => {
    const world = await worldOfThree();
    const writer = await openWriter(world);
    const { journalDir } = writer;
    writer.device.commit(pagesOf(world, [1], 5), 3);
    await (writer.mount as unknown as { abandon(): Promise<void> }).abandon();
    const { mount } = await openPlayer(world, { journalDir });
    const promoted = mount.promote();
    await expect(promoted).rejects.toMatchObject({ code: "JOURNAL_PENDING" });
    await expect(promoted).rejects.toThrow(/1 commits .*open it in write mode/);
    const again = await openWriter(world, { journalDir });
    expect(await again.mount.flush()).toBe(2n);
  });

  it("takes a journal of an earlier run whose commits are all in the bucket", async () => {
    const world = await worldOfThree();
    const writer = await openWriter(world);
    const { journalDir } = writer;
    for (const mark of range(5, 9)) {
      writer.device.commit(pagesOf(world, [1], mark), 3);
      await writer.mount.flush();
    }
    await (writer.mount as unknown as { abandon(): Promise<void> }).abandon();
    const player = await openPlayer(world, { journalDir });
    await player.mount.promote();
    player.device.commit(pagesOf(world, [2], 10), 3);
    await (player.mount as unknown as { abandon(): Promise<void> }).abandon();
    const again = await openWriter(world, { journalDir });
    expect(await again.mount.flush()).toBe(7n);
    expect((await seen(again))[1]).toEqual(world.content(2, 10));
  });

  it("needs a folder for the journal", async () => {
    const world = await worldOfThree();
    const player = await openPlayer(world, { journalDir: "" });
    await expect(player.mount.promote()).rejects.toMatchObject({ code: "OPTION_INVALID" });
    expect(player.mount.mode).toBe("read");
  });

  it("refuses a segment that is damaged", async () => {
    const world = await worldOfThree();
    const files = {
      ...systemSegmentFiles,
      read: () => {
        throw new Error("a bad sector");
      },
    };
    const player = await openPlayer(world, {}, { files });
    writeFileSync(join(player.journalDir, "0000000000000001.journal"), "x");
    await expect(player.mount.promote()).rejects.toMatchObject({ code: "JOURNAL_INVALID" });
    expect(player.mount.mode).toBe("read");
  });

  it("that cannot start a segment leaves a reader", async () => {
    const world = await worldOfThree();
    let isFull = true;
    const create = (path: string) => {
      if (isFull) throw new Error("no space");
      systemSegmentFiles.create(path);
    };
    const player = await openPlayer(world, {}, { files: { ...systemSegmentFiles, create } });
    await expect(player.mount.promote()).rejects.toThrow("no space");
    isFull = false;
    await expectReader(world, player);
  });
});

describe.each(["store", "disk"] as const)(
  "a promotion of which one call to the %s fails",
  (kind) => {
    it(
      "leaves a reader, whichever call it is",
      async () => {
        let failures = 0;
        for (let good = 0; ; good += 1) {
          const world = await worldOfThree();
          const store = failingStore(world.store);
          const disk = failingDisk(systemDisk);
          const player = await openPlayer(world, { store: store.target, disk: disk.target });
          await world.write({ pages: [2] });
          await leaveSilentHolder(world);
          const faulty = kind === "store" ? store : disk;
          faulty.arm(good);
          const outcome = await player.mount.promote().then(
            () => "promoted",
            () => "refused",
          );
          const hasFailed = faulty.disarm();
          if (outcome === "refused") {
            expect(hasFailed).toBe(true);
            failures += 1;
            expect(segmentsIn(player.journalDir)).toEqual([]);
            await expectReader(world, player);
            await player.mount.promote();
          }
          const seq = player.device.commit(pagesOf(world, [3], 99), 3);
          await player.mount.flush();
          expect(player.mount.status().sync).toMatchObject({ syncedSeq: seq, state: "idle" });
          await player.mount.close();
          if (!hasFailed) break;
        }
        expect(failures).toBeGreaterThan(kind === "store" ? 8 : 4);
      },
      CALLS_MS_MAX,
    );
  },
);
