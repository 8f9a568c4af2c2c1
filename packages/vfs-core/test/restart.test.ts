/** A writer that is killed and started again on its folder; see docs/decisions/0020-restart.md. */

import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeLtx } from "@headwater/ltx";
import { describe, expect, it, onTestFinished } from "vitest";
import type { WriteMountOptions } from "../src/index.ts";
import { openReplica } from "../src/index.ts";
import { Kernel, type KilledProcess } from "./support/kernel.ts";
import { openPlayer } from "./support/roles.ts";
import { range, World } from "./support/world.ts";
import { makeFolder, openWriter, pagesOf, type Writer } from "./support/writing.ts";

/** Whoever gets a lease of this before it expires has not waited for it. */
const LEASE = { ttlMs: 3_600_000 };
const HELD = { code: "LEASE_HELD" };

interface Started extends Writer {
  readonly process: KilledProcess;
}

async function start(
  world: World,
  kernel: Kernel,
  journalDir: string,
  options: Partial<WriteMountOptions> = {},
): Promise<Started> {
  const process = kernel.process(world.store);
  const settings = { store: process.store, journalDir, lease: LEASE, ...options };
  const writer = await openWriter(
    world,
    { compaction: "off", ...settings },
    { lockFile: process.lockFile },
  );
  onTestFinished(async () => {
    process.bury();
    await writer.mount.close().catch(() => {});
  });
  // No opening waits for this file, and one that is killed before it is there proves nothing.
  const nonce = await nonceIn(world);
  await expect.poll(() => noncesIn(journalDir)).toContain(nonce);
  return { ...writer, process };
}

const generationOf = ({ mount }: Writer) => mount.status().sync?.leaseGeneration;

function noncesIn(dir: string): readonly string[] {
  return (JSON.parse(readFileSync(join(dir, "lease.json"), "utf8")) as { nonces: string[] }).nonces;
}

/** Of the record of the lease, as it is in the bucket. */
async function nonceIn({ store, path }: World): Promise<string> {
  const { body } = await store.get(`${path}/lock.json`);
  return (JSON.parse(new TextDecoder().decode(body)) as { nonce: string }).nonce;
}

async function worldOfThree(): Promise<World> {
  const world = new World();
  await world.write({ pages: range(1, 3) });
  return world;
}

async function contentOf({ store, path, url }: World): Promise<Uint8Array[]> {
  await using replica = await openReplica({ store, path, url });
  using snapshot = replica.snapshot();
  return Promise.all(range(1, snapshot.pageCount).map((pgno) => snapshot.readPage(pgno)));
}

const after = (world: World, mark: number) => [
  world.content(1, 1),
  world.content(2, mark),
  world.content(3, 1),
];

describe("a writer that is started again after a kill", () => {
  it("has the lease at once, and all that it had committed", async () => {
    const world = await worldOfThree();
    const [kernel, dir] = [new Kernel("boot"), makeFolder()];
    const first = await start(world, kernel, dir);
    first.device.commit(pagesOf(world, [2], 7), 3);
    await first.mount.flush();
    first.device.commit(pagesOf(world, [2], 8), 3);
    first.process.kill();
    const second = await start(world, kernel, dir);
    expect(generationOf(second)).toBe(2n);
    expect(await contentOf(world)).toEqual(after(world, 8));
    second.process.kill();
    const third = await start(world, kernel, dir);
    expect(generationOf(third)).toBe(3n);
    third.device.commit(pagesOf(world, [2], 9), 3);
    await third.mount.close();
    expect(await contentOf(world)).toEqual(after(world, 9));
  });

  it("takes the next name first, since something may still be on its way", async () => {
    const world = await worldOfThree();
    const [kernel, dir] = [new Kernel("boot"), makeFolder()];
    (await start(world, kernel, dir)).process.kill();
    const second = await start(world, kernel, dir);
    expect(second.mount.status().txid).toBe(2n);
    expect([...decodeLtx(await world.body(0, 2, 2)).index.pgnos]).toEqual([1]);
  });

  it("has it at once after a start that was killed before its own lease was there", async () => {
    const world = await worldOfThree();
    const [kernel, dir] = [new Kernel("boot"), makeFolder()];
    (await start(world, kernel, dir)).process.kill();
    const second = kernel.process(world.store);
    second.delays = (key) => key.endsWith("lock.json");
    const settings = { store: second.store, journalDir: dir, lease: LEASE } as const;
    const opening = openWriter(world, settings, { lockFile: second.lockFile });
    await expect.poll(() => second.onTheirWay.length).toBe(1);
    await expect.poll(() => noncesIn(dir).length).toBe(2);
    second.kill();
    expect(generationOf(await start(world, kernel, dir))).toBe(2n);
    second.bury();
    await opening.catch(() => {});
  });

  it("has it at once when only the next process begins to write", async () => {
    const world = await worldOfThree();
    const [kernel, journalDir] = [new Kernel("boot"), makeFolder()];
    (await start(world, kernel, journalDir)).process.kill();
    const { lockFile, store } = kernel.process(world.store);
    const player = await openPlayer(world, { journalDir, store, lease: LEASE }, { lockFile });
    await player.mount.promote();
    expect(player.mount.status().sync?.leaseGeneration).toBe(2n);
  });

  it("has it at once when it was closed, but could not give it back", async () => {
    const world = await worldOfThree();
    const [kernel, dir] = [new Kernel("boot"), makeFolder()];
    const first = await start(world, kernel, dir);
    first.process.bury();
    await first.mount.close().catch(() => {});
    const second = await start(world, kernel, dir);
    expect(generationOf(second)).toBe(2n);
    await second.mount.close();
    expect(readdirSync(dir)).toEqual([]);
  });

  it("leaves no word of the lease in the folder when it closes", async () => {
    const world = await worldOfThree();
    const [kernel, dir] = [new Kernel("boot"), makeFolder()];
    const first = await start(world, kernel, dir);
    first.process.kill();
    const second = await start(world, kernel, dir);
    expect(readdirSync(dir)).toContain("lease.json");
    await second.mount.close();
    expect(readdirSync(dir)).not.toContain("lease.json");
  });
});

describe("an upload of the dead process", () => {
  const isUpload = (key: string) => key.endsWith(".ltx");

  /** Killed with the upload of one commit on its way. */
  async function dieUploading(world: World, kernel: Kernel, dir: string) {
    const first = await start(world, kernel, dir);
    first.process.delays = isUpload;
    first.device.commit(pagesOf(world, [2], 7), 3);
    void first.mount.flush().catch(() => {});
    await expect.poll(() => first.process.onTheirWay.length).toBe(1);
    first.process.kill();
    return first.process.onTheirWay[0]!;
  }

  it("that arrives before the next one looks is part of what that builds on", async () => {
    const world = await worldOfThree();
    const [kernel, dir] = [new Kernel("boot"), makeFolder()];
    const late = await dieUploading(world, kernel, dir);
    await late.arrive();
    const second = await start(world, kernel, dir);
    expect(second.mount.status()).toMatchObject({ txid: 3n, sync: { pendingCount: 0 } });
    expect(await contentOf(world)).toEqual(after(world, 7));
  });

  it("that arrives after it looked and before it has put is known as its own", async () => {
    const world = await worldOfThree();
    const [kernel, dir] = [new Kernel("boot"), makeFolder()];
    const late = await dieUploading(world, kernel, dir);
    const process = kernel.process(world.store);
    process.delays = isUpload;
    const settings = { store: process.store, journalDir: dir, lease: LEASE } as const;
    const opening = openWriter(world, settings, { lockFile: process.lockFile });
    await expect.poll(() => process.onTheirWay.length).toBe(1);
    expect(process.onTheirWay[0]!.key).toBe(late.key);
    await late.arrive();
    await expect(process.onTheirWay[0]!.arrive()).rejects.toMatchObject({ code: "OBJECT_EXISTS" });
    process.bury();
    await opening.catch(() => {});
    const third = await start(world, kernel, dir);
    expect(third.mount.status().sync?.pendingCount).toBe(0);
    third.device.commit(pagesOf(world, [3], 8), 3);
    await third.mount.flush();
    expect(await contentOf(world)).toEqual([
      world.content(1, 1),
      world.content(2, 7),
      world.content(3, 8),
    ]);
  });

  it("that arrives after it has put is refused", async () => {
    const world = await worldOfThree();
    const [kernel, dir] = [new Kernel("boot"), makeFolder()];
    const late = await dieUploading(world, kernel, dir);
    const second = await start(world, kernel, dir);
    await expect(late.arrive()).rejects.toMatchObject({ code: "OBJECT_EXISTS" });
    second.device.commit(pagesOf(world, [2], 8), 3);
    await second.mount.close();
    expect(await contentOf(world)).toEqual(after(world, 8));
  });

  it("of a lease leaves the lease of the next one alone", async () => {
    const world = await worldOfThree();
    const [kernel, dir] = [new Kernel("boot"), makeFolder()];
    const first = kernel.process(world.store);
    first.delays = (key) => key.endsWith("lock.json");
    const settings = { store: first.store, journalDir: dir, lease: LEASE } as const;
    const opening = openWriter(world, settings, { lockFile: first.lockFile });
    await expect.poll(() => first.onTheirWay.length).toBe(1);
    first.kill();
    const second = await start(world, kernel, dir);
    await expect(first.onTheirWay[0]!.arrive()).rejects.toMatchObject({ code: "OBJECT_EXISTS" });
    second.device.commit(pagesOf(world, [2], 8), 3);
    await second.mount.flush();
    first.bury();
    await opening.catch(() => {});
  });
});

describe("nobody takes the lease at once of a process that may be alive", () => {
  it("by a copy of its folder", async () => {
    const world = await worldOfThree();
    const [kernel, dir, copy] = [new Kernel("boot"), makeFolder(), makeFolder()];
    const first = await start(world, kernel, dir);
    cpSync(dir, copy, { recursive: true });
    await expect(start(world, kernel, copy)).rejects.toMatchObject(HELD);
    first.device.commit(pagesOf(world, [2], 8), 3);
    await first.mount.flush();
  });

  it("on another machine, or after a restart of this one, however often it tries", async () => {
    const world = await worldOfThree();
    const dir = makeFolder();
    const first = await start(world, new Kernel("boot"), dir);
    const other = new Kernel("another boot");
    for (const _ of range(1, 3)) {
      await expect(start(world, other, dir)).rejects.toMatchObject(HELD);
    }
    first.device.commit(pagesOf(world, [2], 8), 3);
    await first.mount.flush();
  });

  it("where locks do not say what file they are of", async () => {
    const world = await worldOfThree();
    const dir = makeFolder();
    const placeless = (process: KilledProcess) => ({
      lockFile: (path: string, text: string) => {
        const attempt = process.lockFile(path, text);
        if (attempt.type === "held") return attempt;
        return { type: "locked", lock: { release: () => attempt.lock.release() } } as const;
      },
    });
    const kernel = new Kernel("boot");
    const first = kernel.process(world.store);
    const settings = { store: first.store, journalDir: dir, lease: LEASE } as const;
    const writer = await openWriter(world, settings, placeless(first));
    expect(readdirSync(dir)).not.toContain("lease.json");
    first.kill();
    const second = openWriter(world, { journalDir: dir, lease: LEASE }, placeless(first));
    await expect(second).rejects.toMatchObject(HELD);
    first.bury();
    await writer.mount.close().catch(() => {});
  });

  it("by what cannot be read, which is no reason not to open", async () => {
    const world = await worldOfThree();
    const [kernel, dir] = [new Kernel("boot"), makeFolder()];
    (await start(world, kernel, dir)).process.kill();
    const path = join(dir, "lease.json");
    const whole = readFileSync(path, "utf8");
    const other = whole.replace('"version":1', '"version":2');
    for (const text of ["", "{", "null", "7", whole.slice(0, 40), other]) {
      writeFileSync(path, text);
      await expect(start(world, kernel, dir), text).rejects.toMatchObject(HELD);
    }
    writeFileSync(path, whole);
    expect(generationOf(await start(world, kernel, dir))).toBe(2n);
  });

  it("while it looks again at a bucket that has moved on under it", async () => {
    const world = await worldOfThree();
    const [kernel, dir] = [new Kernel("boot"), makeFolder()];
    (await start(world, kernel, dir)).process.kill();
    const process = kernel.process(world.store);
    process.delays = (key) => {
      if (key === world.key(0, 2, 2) && world.txid === 1) void world.write({ pages: [3] });
      return false;
    };
    const paths: string[] = [];
    const lockFile = (path: string, text: string) => {
      paths.push(path);
      return process.lockFile(path, text);
    };
    const settings = { store: process.store, journalDir: dir, lease: LEASE } as const;
    const { mount } = await openWriter(world, settings, { lockFile });
    // Whoever locked it in between would have taken a lease that we have.
    expect(paths).toEqual([join(dir, "lock")]);
    expect(mount.status().txid).toBe(3n);
    await mount.close();
  });
});
