/**
 * What makes a writer look at its journal. A notice wakes the engine's thread, which costs its
 * commit time, so there are few; and no commit stays behind for want of one.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it, vi } from "vitest";
import { seededRandom } from "./support/random.ts";
import { range, World } from "./support/world.ts";
import { openWriter, pagesOf, type Writer } from "./support/writing.ts";

const HOUR_MS = 3_600_000;

function commit(world: World, { device }: Writer, mark: number): void {
  device.commit(pagesOf(world, [1], mark), 1);
}

/** With pauses between, in each of which the writer can look. */
async function commitSlowly(world: World, writer: Writer, count: number): Promise<void> {
  for (const mark of range(1, count)) {
    commit(world, writer, mark);
    await sleep(1);
  }
}

/** The writer has uploaded everything, and has had time to look for more. */
async function untilIdle({ mount, device }: Writer): Promise<void> {
  const isIdle = () => {
    const { seq } = device.state();
    expect(mount.status().sync).toMatchObject({ state: "idle", syncedSeq: seq });
  };
  await vi.waitFor(isIdle, { timeout: 20_000, interval: 1 });
  await sleep(2);
}

/** A store whose puts wait until they are let go, one by one. */
function held(world: World) {
  const store = faulty(world.store, { rules: [] });
  const put = store.put.bind(store);
  const waiting: (() => void)[] = [];
  store.put = async (...args) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return put(...args);
  };
  return {
    store,
    async letOneGo(): Promise<void> {
      await vi.waitFor(() => expect(waiting).toHaveLength(1), { timeout: 20_000, interval: 1 });
      waiting.pop()!();
    },
    untilOneWaits: () =>
      vi.waitFor(() => expect(waiting).toHaveLength(1), { timeout: 20_000, interval: 1 }),
  };
}

describe("notices of commits", () => {
  it("come once, however many commits wait for their upload", async () => {
    const world = new World();
    const writer = await openWriter(world, { syncIntervalMs: HOUR_MS });
    commit(world, writer, 0);
    await untilIdle(writer);
    const onCommit = vi.spyOn(writer.device.events, "onCommit");
    await commitSlowly(world, writer, 50);
    expect(onCommit).toHaveBeenCalledTimes(1);
    await writer.mount.close();
  });

  it("do not come again while there is always something to upload", async () => {
    const world = new World();
    const { store, letOneGo, untilOneWaits } = held(world);
    const writer = await openWriter(world, { store, syncIntervalMs: 1 });
    const onCommit = vi.spyOn(writer.device.events, "onCommit");
    for (const _upload of range(1, 10)) {
      await commitSlowly(world, writer, 3);
      await untilOneWaits();
      await commitSlowly(world, writer, 3);
      await letOneGo();
    }
    expect(onCommit).toHaveBeenCalledTimes(1);
    await letOneGo();
    await untilIdle(writer);
    await writer.mount.close();
  });

  it("are not missed by a commit that comes while one is asked for", async () => {
    const world = new World();
    const writer = await openWriter(world, { syncIntervalMs: 1 });
    const { journal } = writer.device;
    const armNotice = journal.armNotice.bind(journal);
    const arming = vi.spyOn(journal, "armNotice");
    commit(world, writer, 0);
    for (const mark of range(1, 20)) {
      // Between the look that found nothing and the question, then between that and the sleep.
      const isBefore = mark % 2 === 0;
      const count = arming.mock.calls.length;
      arming.mockImplementationOnce(() => {
        if (isBefore) commit(world, writer, mark);
        const seq = armNotice();
        if (!isBefore) commit(world, writer, mark);
        return seq;
      });
      await vi.waitFor(() => expect(arming.mock.calls.length).toBeGreaterThan(count), {
        timeout: 20_000,
        interval: 1,
      });
      await untilIdle(writer);
      commit(world, writer, mark);
    }
    await untilIdle(writer);
    await writer.mount.close();
  });

  it("are enough to upload every commit, whenever it comes", async () => {
    const world = new World();
    const random = seededRandom(20);
    const rules = [{ fault: { type: "slow", delayMs: 1 }, operation: "put" }] as const;
    const store = faulty(world.store, { rules });
    const writer = await openWriter(world, { store, syncIntervalMs: 2 });
    for (const mark of range(1, 300)) {
      commit(world, writer, mark);
      const pauseMs = random(5);
      if (pauseMs > 0) await sleep(pauseMs - 1);
      if (mark % 20 === 0) await untilIdle(writer);
    }
    await writer.mount.close();
  });
});
