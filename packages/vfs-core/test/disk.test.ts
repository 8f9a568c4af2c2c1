import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { lockInMemory } from "../src/device/memory-locks.ts";
import { ImageFile } from "../src/disk/image-file.ts";
import { JournalFolder } from "../src/disk/journal-folder.ts";
import type { FileLocks } from "../src/file-locks.ts";
import { makeFolder } from "./support/writing.ts";

/** As a device factory's, and with a say in what it answers. */
const locks: FileLocks = { lockFile: lockInMemory };

function heldBy(text: string): FileLocks {
  return { lockFile: () => ({ type: "held", text }) };
}

describe("the lock of a folder or an image", () => {
  it("tells who has it, on one line", async () => {
    const path = makeFolder();
    const texts: string[] = [];
    const noting: FileLocks = {
      lockFile(lockPath, text) {
        texts.push(lockPath, text);
        return lockInMemory(lockPath, text);
      },
    };
    await (await JournalFolder.open(path, "a replica", noting)).close();
    expect(texts[0]).toBe(join(path, "lock"));
    expect(texts[1]).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(texts[1]!)).toEqual({ pid: process.pid, host: hostname() });
  });

  it("lets one in at a time, and says who is in, and where", async () => {
    const path = makeFolder();
    const first = await JournalFolder.open(path, "a replica", locks);
    const second = JournalFolder.open(join(path, "..", basename(path)), "a replica", locks);
    await expect(second).rejects.toMatchObject({ code: "JOURNAL_LOCKED" });
    await expect(second).rejects.toThrow(path);
    await expect(second).rejects.toThrow(`process ${process.pid} on ${hostname()}`);
    await first.close();
    await first.close();
    await (await JournalFolder.open(path, "a replica", locks)).close();

    const imagePath = join(makeFolder(), "image.db");
    const image = await ImageFile.create(imagePath, locks);
    const other = ImageFile.create(imagePath, locks);
    await expect(other).rejects.toMatchObject({ code: "IMAGE_LOCKED" });
    await expect(other).rejects.toThrow(imagePath);
    await expect(other).rejects.toThrow(`process ${process.pid}`);
    await image.close();
    await (await ImageFile.create(imagePath, locks)).close();
  });

  it("says what it can when the text of the other says nothing", async () => {
    for (const text of ["", "{", "7", "null", '{"pid":"1","host":7}']) {
      const opening = JournalFolder.open(makeFolder(), "a replica", heldBy(text));
      await expect(opening, text).rejects.toMatchObject({ code: "JOURNAL_LOCKED" });
      await expect(opening, text).rejects.toThrow("somebody else");
    }
  });

  it("counts by itself, whatever file an earlier process left behind", async () => {
    const path = makeFolder();
    const left = { pid: 1, host: "a-container-that-is-gone", startedAt: "1", bootId: "1" };
    writeFileSync(join(path, "lock"), JSON.stringify(left));
    await (await JournalFolder.open(path, "a replica", locks)).close();
  });

  it("that cannot be taken at all is told as what it is", async () => {
    const broken: FileLocks = {
      lockFile() {
        throw new Error("no locks here");
      },
    };
    const folder = JournalFolder.open(makeFolder(), "a replica", broken);
    await expect(folder).rejects.toMatchObject({ code: "JOURNAL_INVALID" });
    const image = ImageFile.create(join(makeFolder(), "image.db"), broken);
    await expect(image).rejects.toMatchObject({ code: "IMAGE_FAILED" });
  });
});

describe("JournalFolder", () => {
  it("keeps its records and its segments", async () => {
    const path = join(makeFolder(), "deep", "journal");
    const first = await JournalFolder.open(path, "a replica", locks);
    expect(first).toMatchObject({ segments: [], synced: undefined, intents: [] });
    const segment = first.nextSegmentPath();
    writeFileSync(segment, "");
    writeFileSync(join(path, "notes.txt"), "not a segment");
    await first.writeSynced({ txid: 2n ** 60n, seq: 7 });
    const sent = [8, 9].map((seq) => ({ txid: 7n, seq, fileChecksum: 2n ** 63n + BigInt(seq) }));
    await first.writeIntent({ txid: 6n, seq: 3, fileChecksum: 2n ** 63n });
    for (const intent of sent) await first.writeIntent(intent);
    await first.close();
    const second = await JournalFolder.open(path, "a replica", locks);
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
      const folder = await JournalFolder.open(path, "a replica", locks);
      await folder.close();
      writeFileSync(join(path, "state.json"), text);
      await expect(JournalFolder.open(path, "a replica", locks)).rejects.toMatchObject({
        code: "JOURNAL_INVALID",
      });
      rmSync(join(path, "state.json"));
      await (await JournalFolder.open(path, "a replica", locks)).close();
    }
  });

  it("refuses another replica and a path that is no folder", async () => {
    const path = makeFolder();
    await (await JournalFolder.open(path, "a replica", locks)).close();
    await expect(JournalFolder.open(path, "another", locks)).rejects.toMatchObject({
      code: "JOURNAL_INVALID",
    });
    const file = join(path, "replica.json");
    await expect(JournalFolder.open(file, "x", locks)).rejects.toMatchObject({
      code: "JOURNAL_INVALID",
    });
  });
});

describe("ImageFile", () => {
  it("writes runs of pages, grows with a hole and is cut off", async () => {
    const path = join(makeFolder(), "image.db");
    const image = await ImageFile.create(path, locks);
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
    await expect(ImageFile.create(join(folder, "image.db"), locks)).rejects.toMatchObject({
      code: "IMAGE_FAILED",
    });
    expect(readFileSync(precious, "utf8")).toBe("keep me");
  });
});

describe("a journal folder", () => {
  const POINT = { txid: 3n, seq: 7 };
  const modeOf = (path: string) => lstatSync(path).mode & 0o777;

  it("and its files are for this user only", async () => {
    const path = join(makeFolder(), "state", "journal");
    const folder = await JournalFolder.open(path, "a replica", locks);
    await folder.writeSynced(POINT);
    await folder.writeIntent({ ...POINT, fileChecksum: 1n });
    expect(modeOf(path)).toBe(0o700);
    const names = readdirSync(path).sort();
    expect(names).toEqual(["intent.json", "replica.json", "state.json"]);
    for (const name of names) expect(modeOf(join(path, name)), name).toBe(0o600);
    await folder.close();
  });

  it("never writes or reads through a link that somebody put there", async () => {
    const path = makeFolder();
    const target = join(makeFolder(), "precious");
    writeFileSync(target, "precious");
    const folder = await JournalFolder.open(path, "a replica", locks);
    symlinkSync(target, join(path, "state.json.tmp"));
    await folder.writeSynced(POINT);
    expect(lstatSync(join(path, "state.json")).isFile()).toBe(true);
    await folder.close();
    rmSync(join(path, "state.json"));
    symlinkSync(target, join(path, "state.json"));
    const again = JournalFolder.open(path, "a replica", locks);
    await expect(again).rejects.toMatchObject({ code: "JOURNAL_INVALID" });
    await expect(again).rejects.toThrow("state.json cannot be read");
    expect(readFileSync(target, "utf8")).toBe("precious");
  });

  it("is gone when nothing in it is needed, but for what is not ours", async () => {
    const [alone, shared] = [join(makeFolder(), "a"), makeFolder()];
    writeFileSync(join(shared, "note.txt"), "mine");
    for (const path of [alone, shared]) {
      const folder = await JournalFolder.open(path, "a replica", locks);
      await folder.writeSynced(POINT);
      await folder.writeIntent({ ...POINT, fileChecksum: 1n });
      writeFileSync(folder.nextSegmentPath(), "");
      await folder.discard();
    }
    expect(existsSync(alone)).toBe(false);
    expect(readdirSync(shared)).toEqual(["note.txt"]);
    const again = await JournalFolder.open(alone, "another replica", locks);
    expect(again.synced).toBeUndefined();
    await again.close();
  });

  it("that somebody made stays, and one that an earlier run has made goes", async () => {
    const [given, made] = [makeFolder(), join(makeFolder(), "above", "made")];
    for (const path of [given, made]) {
      await (await JournalFolder.open(path, "a replica", locks)).close();
      writeFileSync(join(path, "state.json.tmp"), "half a rec");
      const folder = await JournalFolder.open(path, "a replica", locks);
      await folder.discard();
    }
    expect(readdirSync(given)).toEqual([]);
    expect(existsSync(made)).toBe(false);
    expect(existsSync(join(made, ".."))).toBe(true);
  });

  it("is not touched any more by whoever has left it", async () => {
    const path = join(makeFolder(), "journal");
    const first = await JournalFolder.open(path, "a replica", locks);
    await first.close();
    const second = await JournalFolder.open(path, "a replica", locks);
    await second.writeSynced(POINT);
    await first.discard();
    expect(readdirSync(path).sort()).toEqual(["replica.json", "state.json"]);
    await second.close();
  });

  it("is made again when it goes away while it is being locked", async () => {
    const path = join(makeFolder(), "journal");
    let isGoing = true;
    const late: FileLocks = {
      lockFile(lockPath, text) {
        if (!isGoing) return lockInMemory(lockPath, text);
        isGoing = false;
        rmSync(path, { recursive: true });
        throw Object.assign(new Error("no such folder"), { code: "ENOENT" });
      },
    };
    const folder = await JournalFolder.open(path, "a replica", late);
    await folder.writeSynced(POINT);
    await folder.discard();
    expect(existsSync(path)).toBe(false);
    const never: FileLocks = {
      lockFile() {
        throw Object.assign(new Error("no such folder"), { code: "ENOENT" });
      },
    };
    const opening = JournalFolder.open(path, "a replica", never);
    await expect(opening).rejects.toMatchObject({ code: "JOURNAL_INVALID" });
  });
});
