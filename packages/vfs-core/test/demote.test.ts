/** A writer becomes a reader. */

import { readdirSync } from "node:fs";
import { MemoryStore } from "@headwater/object-store/memory";
import { describe, expect, it } from "vitest";
import { systemDisk } from "../src/disk/system-disk.ts";
import { failingDisk, failingStore } from "./support/failing.ts";
import { openPlayer, seen } from "./support/roles.ts";
import { range, World } from "./support/world.ts";
import { makeFolder, openWriter, pagesOf } from "./support/writing.ts";

/** One opening and one promotion for each call is much on a machine that is busy. */
const CALLS_MS_MAX = 180_000;

async function worldOfThree(): Promise<World> {
  const world = new World();
  await world.write({ pages: range(1, 3) });
  return world;
}

function segmentsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".journal"));
}

async function openWriting(world: World, options: Parameters<typeof openPlayer>[1] = {}) {
  const player = await openPlayer(world, options);
  await player.mount.promote();
  return player;
}

describe("a demotion", () => {
  it("uploads what is pending, gives the lease back, and follows", async () => {
    const world = await worldOfThree();
    const player = await openWriting(world);
    const { mount, device, journalDir } = player;
    device.commit(pagesOf(world, [2], 40), 3);
    using old = device.snapshot();
    await mount.demote();
    expect(mount.status()).toMatchObject({ mode: "read", txid: 2n, sync: undefined });
    expect(segmentsIn(journalDir)).toEqual([]);
    expect(() => device.commit(pagesOf(world, [1], 1), 3)).toThrow("READ_ONLY");
    const other = await openWriter(world, { lease: { owner: "other" } });
    other.device.commit(pagesOf(world, [2], 41), 2);
    const reached = mount.waitForTxid(3n);
    await other.mount.close();
    await mount.flush();
    await reached;
    expect(await seen(player)).toEqual([world.pageAt(1, 1), world.content(2, 41)]);
    expect(await old.readPage(2)).toEqual(world.content(2, 40));
    expect(await old.readPage(3)).toEqual(world.pageAt(1, 3));
    expect(player.events.map(({ type }) => type)).toEqual([
      "promoted",
      "synced",
      "demoted",
      "remoteCommit",
    ]);
  });

  it("of a mount that was opened to write", async () => {
    const world = new World();
    const { mount, device } = await openWriter(world, { lease: { owner: "first" } });
    await expect(mount.demote()).rejects.toMatchObject({ code: "REPLICA_NOT_FOUND" });
    device.commit(pagesOf(world, [1, 2], 3), 2);
    await mount.demote();
    await mount.promote();
    device.commit(pagesOf(world, [2], 4), 2);
    expect(await mount.flush()).toBe(2n);
    await mount.close();
  });

  it("waits for the write transaction that is open, and lets no other begin", async () => {
    const world = await worldOfThree();
    const { mount, device } = await openWriting(world);
    const open = device.openTransaction();
    const demoted = mount.demote();
    await Promise.resolve();
    expect(() => device.openTransaction()).toThrow(/READ_ONLY.*becoming a reader/);
    expect(mount.mode).toBe("write");
    open[Symbol.dispose]();
    await demoted;
    expect(mount.mode).toBe("read");
  });

  it("gives up with its signal when that transaction does not end, and writes on", async () => {
    const world = await worldOfThree();
    const { mount, device } = await openWriting(world);
    const open = device.openTransaction();
    const signal = AbortSignal.timeout(30);
    await expect(mount.demote({ signal })).rejects.toMatchObject({ name: "TimeoutError" });
    open[Symbol.dispose]();
    device.commit(pagesOf(world, [1], 7), 3);
    expect(await mount.flush()).toBe(2n);
  });

  it("gives up by itself when that transaction does not end", async () => {
    const world = await worldOfThree();
    const { mount, device } = await openWriting(world, { requestTimeoutMs: 30 });
    const open = device.openTransaction();
    await expect(mount.demote()).rejects.toMatchObject({ code: "TIMEOUT" });
    open[Symbol.dispose]();
    expect(mount.mode).toBe("write");
  });

  it("lets a COMMIT end that waits for the bucket", async () => {
    const world = await worldOfThree();
    const { mount, device } = await openWriting(world, { durability: "remote" });
    const committed = device.commitRemotely(pagesOf(world, [1], 7), 3);
    await mount.demote();
    await committed;
    expect(mount.status().txid).toBe(2n);
  });

  it("of a fenced writer is refused while the bucket lacks commits", async () => {
    const world = await worldOfThree();
    const player = await openWriting(world, { lease: "off" });
    const { mount, device } = player;
    await world.write({ pages: [1] });
    const seq = device.commit(pagesOf(world, [2], 8), 3);
    await expect(mount.flush()).rejects.toMatchObject({ code: "FENCED" });
    const refused = mount.demote();
    await expect(refused).rejects.toMatchObject({ code: "JOURNAL_PENDING" });
    await expect(refused).rejects.toThrow(player.journalDir);
    expect(mount.status().sync).toMatchObject({ state: "fenced", committedSeq: seq });
    expect(player.events.map(({ type }) => type)).toContain("fenced");
    expect(() => device.commit(pagesOf(world, [1], 1), 3)).toThrow("writing has stopped");
  });

  it("of a writer whose lease was stolen follows the thief", async () => {
    const world = await worldOfThree();
    const player = await openWriting(world, { lease: { ttlMs: 1_000 } });
    const { mount, device, events } = player;
    device.commit(pagesOf(world, [2], 8), 3);
    await mount.flush();
    const plain = new MemoryStore({ bucket: world.bucket });
    await plain.delete(`${world.path}/lock.json`);
    const thief = await openWriter(world, { lease: { owner: "thief" } });
    thief.device.commit(pagesOf(world, [2], 9), 3);
    await thief.mount.flush();
    while (mount.status().sync?.state !== "fenced") await new Promise((r) => setTimeout(r, 20));
    expect(events.at(-1)).toMatchObject({ type: "fenced" });
    expect((await seen(player))[1]).toEqual(world.content(2, 8));
    await mount.demote();
    await mount.flush();
    expect((await seen(player))[1]).toEqual(world.content(2, 9));
    await thief.mount.close();
  });
});

describe.each(["store", "disk"] as const)(
  "a demotion of which one call to the %s fails",
  (kind) => {
    it(
      "leaves a writer or a reader, whole either way, and loses nothing",
      async () => {
        const outcomes = new Set<string>();
        for (let good = 0; ; good += 1) {
          const world = await worldOfThree();
          const store = failingStore(world.store);
          const disk = failingDisk(systemDisk);
          const places = { store: store.target, disk: disk.target, journalDir: makeFolder() };
          // One that could not be given back expires.
          const lease = { ttlMs: 1_000 };
          const player = await openWriting(world, { ...places, lease });
          const { mount, device } = player;
          device.commit(pagesOf(world, [2], 40), 3);
          const faulty = kind === "store" ? store : disk;
          faulty.arm(good);
          const outcome = await mount.demote().then(
            () => "demoted",
            () => "refused",
          );
          const hasFailed = faulty.disarm();
          outcomes.add(outcome);
          expect(mount.mode).toBe(outcome === "demoted" ? "read" : "write");
          if (outcome === "demoted") {
            expect(mount.status().txid).toBe(2n);
            await mount.promote({ waitMs: 60_000 });
          }
          device.commit(pagesOf(world, [3], 41), 3);
          expect(await mount.flush()).toBeGreaterThanOrEqual(2n);
          await mount.demote();
          expect(await seen(player)).toEqual([
            world.pageAt(1, 1),
            world.content(2, 40),
            world.content(3, 41),
          ]);
          await mount.close();
          if (!hasFailed) break;
        }
        expect([...outcomes].sort()).toEqual(["demoted", "refused"]);
      },
      CALLS_MS_MAX,
    );
  },
);
