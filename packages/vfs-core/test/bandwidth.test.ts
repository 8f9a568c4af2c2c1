import { describe, expect, it } from "vitest";
import type { Clock } from "../src/clock.ts";
import { Bandwidth } from "../src/hydrate/bandwidth.ts";
import { IdleClock } from "./support/idle-clock.ts";
import { bytesOf, openKept } from "./support/kept-images.ts";
import { MemoryDisk } from "./support/memory-disk.ts";
import { openReader } from "./support/read-mount.ts";
import { range, World } from "./support/world.ts";

/** Time passes only while somebody sleeps. */
class SleepingClock implements Clock {
  #nowMs = 1000;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  pass(durationMs: number): void {
    this.#nowMs += durationMs;
  }

  async sleep(durationMs: number, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    const endMs = this.#nowMs + durationMs;
    await Promise.resolve();
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  async yield(): Promise<void> {}
}

const { signal } = new AbortController();

describe("a bandwidth", () => {
  it("spreads what is asked for, one after another and at once", async () => {
    const clock = new SleepingClock();
    const bandwidth = new Bandwidth(clock, 1000);
    for (let count = 0; count < 5; count += 1) await bandwidth.admit(200, signal);
    expect(clock.monotonicMs()).toBe(1800);
    await Promise.all(Array.from({ length: 5 }, () => bandwidth.admit(200, signal)));
    expect(clock.monotonicMs()).toBe(2800);
  });

  it("does not make up for a time in which nothing was asked for", async () => {
    const clock = new SleepingClock();
    const bandwidth = new Bandwidth(clock, 1000);
    await bandwidth.admit(1000, signal);
    clock.pass(60_000);
    await bandwidth.admit(1000, signal);
    expect(clock.monotonicMs()).toBe(61_000);
    await bandwidth.admit(1000, signal);
    expect(clock.monotonicMs()).toBe(62_000);
  });

  it("is none without a limit", async () => {
    const clock = new SleepingClock();
    const bandwidth = new Bandwidth(clock, undefined);
    for (let count = 0; count < 5; count += 1) await bandwidth.admit(1e12, signal);
    expect(clock.monotonicMs()).toBe(1000);
  });

  it("lets whoever waits leave", async () => {
    const clock = new SleepingClock();
    const bandwidth = new Bandwidth(clock, 1);
    await bandwidth.admit(1, signal);
    const gone = AbortSignal.abort(new Error("gone"));
    await expect(bandwidth.admit(1, gone)).rejects.toThrow("gone");
  });
});

describe("hydration with a bandwidth", () => {
  const BYTES_PER_SECOND = 1_000_000;

  it.each([
    ["large files, which are read whole", [range(1, 1500), range(1501, 3000)]],
    ["small files", Array.from({ length: 100 }, (_, at) => range(30 * at + 1, 30 * at + 30))],
  ])("asks %s for no more", async (_, transactions) => {
    const clock = new IdleClock();
    const world = new World({ pageSize: 4096, isRandom: true, clock });
    for (const pages of transactions) await world.write({ pages });
    const hydrate = { bytesPerSecondMax: BYTES_PER_SECOND };
    const startMs = clock.monotonicMs();
    const { mount } = await openReader(world, { clock, hydrate, warmUp: false });
    await mount.hydrated();
    const bytes = world.pageCountAt(transactions.length) * 4096;
    const tookMs = clock.monotonicMs() - startMs;
    // What opening brings, and a request that is ahead of its time.
    expect(tookMs).toBeGreaterThan(((bytes - 4 * 1024 * 1024) * 1000) / BYTES_PER_SECOND);
    expect(tookMs).toBeLessThan((1.1 * bytes * 1000) / BYTES_PER_SECOND);
    await mount.close();
  });

  it("asks for no more to find out what has changed since an image was made", async () => {
    const clock = new IdleClock();
    const world = new World({ pageSize: 4096, isRandom: true, clock });
    await world.write({ pages: range(1, 300) });
    const { disk, images, openImage } = new MemoryDisk();
    const path = "/image.db";
    const first = { clock, disk, hydrate: { path, files: images } };
    const before = await openKept(world, first, { openImage });
    await before.mount.hydrated();
    await before.mount.close();
    for (let count = 0; count < 100; count += 1) await world.write({ pages: range(1, 40) });
    await world.snapshot(world.txid);
    const hydrate = { path, files: images, bytesPerSecondMax: BYTES_PER_SECOND };
    const { mount } = await openKept(world, { clock, disk, hydrate }, { openImage });
    const startMs = clock.monotonicMs();
    world.requests.length = 0;
    await mount.hydrated();
    const tookMs = clock.monotonicMs() - startMs;
    expect(bytesOf(world)).toBeGreaterThan(100 * 40 * 4096);
    const bytesMin = bytesOf(world) - 4 * 1024 * 1024;
    expect(tookMs).toBeGreaterThan((bytesMin * 1000) / BYTES_PER_SECOND);
    await mount.close();
  });
});
