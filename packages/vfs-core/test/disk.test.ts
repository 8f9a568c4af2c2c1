import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ImageFile } from "../src/disk/image-file.ts";
import { JournalFolder } from "../src/disk/journal-folder.ts";
import { ProcessLock } from "../src/disk/process-lock.ts";
import { makeFolder } from "./support/writing.ts";

describe("ProcessLock", () => {
  it("is held by one at a time and leaves nothing behind", async () => {
    const folder = makeFolder();
    const path = join(folder, "lock");
    const first = await ProcessLock.take(path);
    expect(first.type).toBe("locked");
    const second = await ProcessLock.take(path);
    expect(second).toMatchObject({ type: "held", owner: { pid: process.pid, host: hostname() } });
    if (first.type === "locked") await first.lock.release();
    expect(readdirSync(folder)).toEqual([]);
    expect((await ProcessLock.take(path)).type).toBe("locked");
  });

  it("is taken over from a process that is gone", async () => {
    const bootId = readOr("/proc/sys/kernel/random/boot_id");
    const gone = [
      { pid: 2 ** 22 + 1, host: hostname(), startedAt: "1", bootId },
      { pid: process.pid, host: hostname(), startedAt: "not when we did", bootId },
      { pid: process.pid, host: hostname(), startedAt: "1", bootId: "an earlier start" },
      "no record at all",
    ];
    for (const owner of gone) {
      const path = join(makeFolder(), "lock");
      writeFileSync(path, typeof owner === "string" ? owner : JSON.stringify(owner));
      expect((await ProcessLock.take(path)).type, JSON.stringify(owner)).toBe("locked");
    }
  });

  it("of another machine is left alone", async () => {
    const path = join(makeFolder(), "lock");
    writeFileSync(path, JSON.stringify({ pid: 1, host: "elsewhere" }));
    expect(await ProcessLock.take(path)).toMatchObject({
      type: "held",
      owner: { host: "elsewhere" },
    });
  });

  it("is won by one of many that find it stale", async () => {
    for (let round = 0; round < 20; round += 1) {
      const path = join(makeFolder(), "lock");
      writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }));
      const results = await Promise.all(Array.from({ length: 8 }, () => ProcessLock.take(path)));
      expect(results.filter(({ type }) => type === "locked")).toHaveLength(1);
      expect(existsSync(path)).toBe(true);
    }
  });
});

describe("JournalFolder", () => {
  it("keeps its records and its segments", async () => {
    const path = join(makeFolder(), "deep", "journal");
    const first = await JournalFolder.open(path, "a replica");
    expect(first).toMatchObject({ segments: [], synced: undefined, intents: [] });
    const segment = first.nextSegmentPath();
    writeFileSync(segment, "");
    writeFileSync(join(path, "notes.txt"), "not a segment");
    await first.writeSynced({ txid: 2n ** 60n, seq: 7 });
    const sent = [8, 9].map((seq) => ({ txid: 7n, seq, fileChecksum: 2n ** 63n + BigInt(seq) }));
    await first.writeIntent({ txid: 6n, seq: 3, fileChecksum: 2n ** 63n });
    for (const intent of sent) await first.writeIntent(intent);
    await first.close();
    const second = await JournalFolder.open(path, "a replica");
    expect(second.segments).toEqual([segment]);
    expect(second.synced).toEqual({ txid: 2n ** 60n, seq: 7 });
    expect(second.intents).toEqual(sent);
    expect(second.nextSegmentPath() > segment).toBe(true);
    await second.remove([segment]);
    await second.close();
    expect(readdirSync(path).sort()).toEqual([
      "intent.json",
      "notes.txt",
      "replica.json",
      "state.json",
    ]);
  });

  it("refuses records that it cannot read", async () => {
    for (const text of ["{", "7", '{"version":2}', '{"version":1,"txid":"x","seq":1}']) {
      const path = makeFolder();
      const folder = await JournalFolder.open(path, "a replica");
      await folder.close();
      writeFileSync(join(path, "state.json"), text);
      await expect(JournalFolder.open(path, "a replica")).rejects.toMatchObject({
        code: "JOURNAL_INVALID",
      });
      expect(existsSync(join(path, "lock"))).toBe(false);
    }
  });

  it("refuses another replica and a path that is no folder", async () => {
    const path = makeFolder();
    await (await JournalFolder.open(path, "a replica")).close();
    await expect(JournalFolder.open(path, "another")).rejects.toMatchObject({
      code: "JOURNAL_INVALID",
    });
    const file = join(path, "replica.json");
    await expect(JournalFolder.open(file, "x")).rejects.toMatchObject({ code: "JOURNAL_INVALID" });
  });
});

describe("ImageFile", () => {
  it("writes runs of pages, grows with a hole and is cut off", async () => {
    const path = join(makeFolder(), "image.db");
    const image = await ImageFile.create(path);
    const page = (fill: number) => new Uint8Array(512).fill(fill);
    await image.write(
      [2, 3, 7].map((pgno) => ({ pgno, page: page(pgno) })),
      512,
    );
    await image.setSize(5 * 512);
    await image.sync();
    await image.close();
    const bytes = readFileSync(path);
    expect(bytes).toHaveLength(5 * 512);
    expect([0, 512, 1024, 1536, 2048].map((at) => bytes[at])).toEqual([0, 2, 3, 0, 0]);
  });

  it("does not follow a link to a file that somebody needs", async () => {
    const folder = makeFolder();
    const precious = join(folder, "precious");
    writeFileSync(precious, "keep me");
    symlinkSync(precious, join(folder, "image.db"));
    await expect(ImageFile.create(join(folder, "image.db"))).rejects.toMatchObject({
      code: "IMAGE_FAILED",
    });
    expect(readFileSync(precious, "utf8")).toBe("keep me");
  });
});

function readOr(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}
