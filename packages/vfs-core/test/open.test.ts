import { MemoryStore } from "@headwater/object-store/memory";
import { faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { HeadwaterError, openReplica } from "../src/index.ts";
import { HEAD_BYTES } from "../src/limits.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { expectState, openWorld } from "./support/reading.ts";
import { range, World } from "./support/world.ts";

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (HeadwaterError.is(error)) return error.code;
    throw error;
  }
  return "no error";
}

describe("opening for reading", () => {
  for (const keyLayout of ["s3", "path"] as const) {
    it(`reads a chain of files of several levels, layout ${keyLayout}`, async () => {
      const world = new World({ keyLayout });
      await world.write({ pages: range(1, 20) });
      await world.snapshot(1);
      for (const pgno of [3, 4, 3, 5]) await world.write({ pages: [pgno] });
      await world.compact(1, [
        [0, 2, 2],
        [0, 3, 3],
      ]);
      await using replica = await openWorld(world);
      await expectState(replica, world, 5);
    });
  }

  it("lists once and gets every small file once", async () => {
    const world = new World();
    await world.write({ pages: range(1, 50) });
    for (let count = 0; count < 30; count += 1) await world.write({ pages: [1 + count] });
    await using replica = await openWorld(world);
    const counts = (operation: string) =>
      world.requests.filter((request) => request.operation === operation).length;
    expect(counts("list")).toBe(1);
    expect(counts("get")).toBe(31);
    await expectState(replica, world, 31);
    expect(counts("get")).toBe(31);
  });

  it("gets a large file's head and tail at once, and nothing else", async () => {
    const world = new World({ pageSize: 4096, isRandom: true });
    await world.write({ pages: range(1, 200) });
    await using replica = await openWorld(world);
    const gets = world.requests.filter(({ operation }) => operation === "get");
    expect(gets.map(({ range }) => range)).toEqual([
      { offset: 0, length: HEAD_BYTES },
      expect.objectContaining({ length: 32 * 1024 }),
    ]);
    await expectState(replica, world, 1);
  });

  it("drops pages that an intermediate shrink cut off", async () => {
    const world = new World();
    await world.write({ pages: range(1, 40) });
    await world.write({ pages: [1], pageCount: 10 });
    await world.write({ pages: [1, ...range(11, 30)] });
    await using replica = await openWorld(world);
    await expectState(replica, world, 3);
  });

  it("reads a database without pages", async () => {
    const world = new World();
    await world.write({ pages: [1, 2] });
    await world.write({ pages: [], pageCount: 0 });
    await using replica = await openWorld(world);
    using snapshot = replica.snapshot();
    expect(snapshot.pageCount).toBe(0);
  });

  it("says at once when there is nothing", async () => {
    const world = new World();
    expect(await codeOf(openWorld(world))).toBe("REPLICA_NOT_FOUND");
  });

  it("waits for a replica when asked to, until the signal aborts", async () => {
    const world = new World();
    const waiting = openWorld(world, { waitForReplica: true, pollIntervalMs: 5 });
    await world.write({ pages: [1] });
    const replica = await waiting;
    await replica.close();

    const empty = new World();
    const stop = new AbortController();
    const never = openWorld(empty, {
      waitForReplica: true,
      pollIntervalMs: 5,
      signal: stop.signal,
    });
    setTimeout(() => stop.abort(new Error("enough")), 20);
    await expect(never).rejects.toThrow("enough");
  });

  it("waits for a replica with a look each second when it polls only when told to", async () => {
    const world = new World();
    const clock = new IdleClock();
    const waiting = openWorld(world, { waitForReplica: true, pollIntervalMs: 0, clock });
    await clock.sleep(60_000);
    const lists = world.requests.length;
    await world.write({ pages: [1] });
    const replica = await waiting;
    await replica.close();
    expect(lists).toBeGreaterThan(0);
    expect(lists).toBeLessThan(200);
  });

  it("says when the prefix holds something else", async () => {
    const world = new World();
    const condition = { type: "none" } as const;
    await world.store.put("some/db/readme.txt", new Uint8Array(1), { condition });
    await expect(openWorld(world)).rejects.toMatchObject({
      code: "PREFIX_NOT_REPLICA",
      message: expect.stringMatching(/: no LTX files here, .*readme\.txt; choose a prefix/),
    });

    const old = new World();
    await old.store.put("some/db/generations/x/wal", new Uint8Array(1), { condition });
    await expect(openWorld(old)).rejects.toThrow("Litestream 0.3");
  });

  it("takes a lease alone for nothing", async () => {
    const world = new World();
    const condition = { type: "none" } as const;
    await world.store.put("some/db/lock.json", new Uint8Array(1), { condition });
    expect(await codeOf(openWorld(world))).toBe("REPLICA_NOT_FOUND");
  });

  it("says which transactions are missing", async () => {
    const world = new World();
    for (let count = 0; count < 3; count += 1) await world.write({ pages: [1] });
    await world.remove(0, 2, 2);
    expect(await codeOf(openWorld(world))).toBe("REPLICA_DAMAGED");
  });

  it("names a damaged object", async () => {
    const world = new World();
    await world.write({ pages: [1] });
    await world.put(0, 1, 1, new Uint8Array(200).fill(7));
    await expect(openWorld(world)).rejects.toThrow("0000000000000001-0000000000000001.ltx");
  });

  it("puts failures of the store in its own words, without secrets", async () => {
    const codes = {
      UNAUTHENTICATED: "STORE_UNAUTHENTICATED",
      FORBIDDEN: "STORE_FORBIDDEN",
      CONFIG_INVALID: "STORE_CONFIG_INVALID",
    } as const;
    for (const [from, to] of Object.entries(codes)) {
      const fault = { type: "before", code: from as keyof typeof codes } as const;
      const store = faulty(new MemoryStore(), { rules: [{ fault }] });
      const url = "s3://user:secret@bucket/some/db?token=hidden";
      const opening = openReplica({ store, path: "some/db", url });
      const error = await opening.catch((reason: unknown) => reason);
      expect(HeadwaterError.is(error, to)).toBe(true);
      expect((error as Error).message).toContain("s3://bucket/some/db");
      expect((error as Error).message).not.toMatch(/secret|hidden/);
    }
  });

  it("names an object of a failed request once, and says what to do next", async () => {
    const world = new World();
    const faults = {
      UNAUTHENTICATED: "check the credentials",
      FORBIDDEN: "give them the right to it, or use others",
      CONFIG_INVALID: "check the URL, the store and its options",
    } as const;
    for (const [code, advice] of Object.entries(faults)) {
      const fault = { type: "before", code: code as keyof typeof faults } as const;
      const store = faulty(world.store, { rules: [{ fault }] });
      const opening = openReplica({ store, path: "some/db", url: "s3://bucket/some/db" });
      const { message } = (await opening.catch((reason: unknown) => reason)) as Error;
      expect(message.split("\n")).toHaveLength(1);
      expect(message.endsWith(`; ${advice}`), message).toBe(true);
      expect(message.match(/some\/db\/0/g), message).toHaveLength(1);
    }
  });

  it("refuses options that make no sense", async () => {
    const world = new World();
    expect(await codeOf(openWorld(world, { pollIntervalMs: -1 }))).toBe("OPTION_INVALID");
    const polling = { pollIntervalMs: 10, pollIntervalMsMax: 9 };
    expect(await codeOf(openWorld(world, polling))).toBe("OPTION_INVALID");
    expect(await codeOf(openWorld(world, { cacheBytes: Number.NaN }))).toBe("OPTION_INVALID");
    expect(await codeOf(openWorld(world, { name: "" }))).toBe("OPTION_INVALID");
  });

  it("refuses everything once it is closed, and may be closed again", async () => {
    const world = new World();
    await world.write({ pages: [1] });
    const replica = await openWorld(world);
    const snapshot = replica.snapshot();
    await replica.close();
    await replica.close();
    expect(await codeOf(snapshot.readPage(1))).toBe("CLOSED");
    expect(await codeOf(replica.mount.flush())).toBe("CLOSED");
    expect(await codeOf(replica.mount.waitForTxid(9n))).toBe("CLOSED");
    expect(() => replica.snapshot()).toThrow();
  });
});
