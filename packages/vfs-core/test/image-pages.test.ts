import { toTxid } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { deferred } from "../src/deferred.ts";
import type { ImageFile, ImagePage } from "../src/disk/image-file.ts";
import { ImagePages } from "../src/hydrate/image-pages.ts";
import type { LtxFile } from "../src/ltx-file.ts";
import type { MountState } from "../src/mount-state.ts";
import { range } from "./support/world.ts";

const PAGE_SIZE = 512;
const FILE: LtxFile = {
  level: 0,
  minTxid: toTxid(1n),
  maxTxid: toTxid(1n),
  key: "file",
  size: 1_000_000,
  createdAtMs: 0,
};

const NEXT_FILE: LtxFile = { ...FILE, minTxid: toTxid(2n), maxTxid: toTxid(2n), key: "next" };

/** Ten pages of one file; the image's writes end when the test says so. */
function tenPages() {
  const present = new Set<number>();
  const writes: ((error?: Error) => void)[] = [];
  /** First bytes of pages, as they are in the image. */
  const inImage = new Map<number, number>();
  const image = {
    write: async (pages: readonly ImagePage[]) => {
      const { promise, resolve } = deferred<Error | undefined>();
      writes.push(resolve);
      const error = await promise;
      if (error !== undefined) throw error;
      for (const { pgno, page } of pages) inImage.set(pgno, page[0]!);
    },
  } as unknown as ImageFile;
  let file = FILE;
  const at = (pgno: number) => ({ file, offset: pgno * 1000, size: 600 });
  const state = {
    pageSize: PAGE_SIZE,
    versions: { newest: { fromSeq: 1, map: { pageCount: 10, txid: 1n, has: () => true } } },
    find: (pgno: number) => ({ fromSeq: 1, location: at(pgno) }),
    device: {
      oldestPin: () => 1,
      image: {
        tell: () => {},
        markPresent: (pgnos: Uint32Array) => {
          for (const pgno of pgnos) present.add(pgno);
        },
        markAbsent: (pgnos: Uint32Array) => {
          for (const pgno of pgnos) present.delete(pgno);
        },
      },
    },
  } as unknown as MountState;
  const told: string[] = [];
  const room = deferred<void>();
  const waitForRoom = async () => {
    told.push("full");
    await room.promise;
    return () => void told.push("room");
  };
  const pages = new ImagePages(image, state, { onPresent: () => {}, waitForRoom });
  const page = (pgno: number, firstByte = 0) => {
    return { pgno, location: at(pgno), page: new Uint8Array(PAGE_SIZE).fill(firstByte, 0, 1) };
  };
  /** Another file has the newest versions of all pages from now on. */
  const change = () => {
    file = NEXT_FILE;
    present.clear();
    pages.forget(Uint32Array.from(range(1, 10)));
  };
  return { pages, present, writes, page, inImage, change, told, giveRoom: room.resolve };
}

/** Ends each write that comes until the work is done. */
async function endWrites(writes: (() => void)[], work: Promise<unknown>): Promise<void> {
  let isDone = false;
  const ending = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    writes.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ending;
}

function fullDisk(): Error {
  return Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
}

describe("pages of the local image", () => {
  it("are not proven by a file when they came by themselves", async () => {
    const { pages, present, writes, page } = tenPages();
    const whole = pages.write([page(1)]);
    const guest = pages.writeGuests([page(2)]);
    for (const end of writes) end();
    await Promise.all([whole, guest]);
    pages.prove([1, 2], FILE);
    expect([...present]).toEqual([1, 2]);
    expect([1, 2].map((pgno) => pages.isProven(pgno))).toEqual([true, false]);
  });

  it("are left alone by guests while they come with their file, and after", async () => {
    const { pages, writes, page } = tenPages();
    const whole = pages.write([page(1), page(2)]);
    await pages.writeGuests([page(2)]);
    expect(writes).toHaveLength(1);
    writes[0]!();
    await whole;
    await pages.writeGuests([page(1)]);
    expect(writes).toHaveLength(1);
    pages.prove([1, 2], FILE);
    expect([1, 2].map((pgno) => pages.isProven(pgno))).toEqual([true, true]);
  });

  it("are proven when the file came last", async () => {
    const { pages, writes, page } = tenPages();
    const guest = pages.writeGuests([page(2)]);
    const whole = pages.write([page(2)]);
    await endWrites(writes, Promise.all([whole, guest]));
    pages.prove([2], FILE);
    expect(pages.isProven(2)).toBe(true);
  });

  it("are not all there while one of them is not proven", async () => {
    const { pages, writes, page } = tenPages();
    const whole = pages.write(range(1, 9).map(page));
    const guest = pages.writeGuests([page(10)]);
    for (const end of writes) end();
    await Promise.all([whole, guest]);
    pages.prove(range(1, 10), FILE);
    expect(pages.presentCount).toBe(10);
    expect(pages.hasAll()).toBe(false);
    const proof = pages.write([page(10)]);
    writes.at(-1)!();
    await proof;
    pages.prove([10], FILE);
    expect(pages.hasAll()).toBe(true);
  });

  it("are absent while they are written again", async () => {
    const { pages, present, writes, page } = tenPages();
    const first = pages.write([page(3)]);
    writes[0]!();
    await first;
    const again = pages.write([page(3)]);
    expect(present.has(3)).toBe(false);
    writes[1]!();
    await again;
    expect(present.has(3)).toBe(true);
  });

  it("do not come back from a file that is not sound, whatever was on its way", async () => {
    const { pages, present, writes, page } = tenPages();
    const first = pages.write([page(4)]);
    writes[0]!();
    await first;
    const late = pages.writeGuests([page(5)]);
    pages.distrust(FILE);
    writes[1]!();
    await late;
    expect(present.size).toBe(0);
    expect(pages.presentCount).toBe(0);
  });

  it("are never written over by older versions that a full disk has held back", async () => {
    const { pages, present, writes, page, inImage, change, told, giveRoom } = tenPages();
    const older = pages.write([page(3, 1), page(4, 1)]);
    writes.shift()!(fullDisk());
    await new Promise((resolve) => setImmediate(resolve));
    change();
    const newer = pages.write([page(3, 2)]);
    giveRoom();
    // The newer one first, if nothing kept it back.
    await endWrites(writes, Promise.all([older, newer]));
    expect(inImage.get(3)).toBe(2);
    expect([...present]).toEqual([3]);
    expect(told).toEqual(["full", "room"]);
  });

  it("are written after older versions that are on their way", async () => {
    const { pages, present, writes, page, inImage, change } = tenPages();
    const older = pages.write([page(3, 1)]);
    change();
    const newer = pages.write([page(3, 2)]);
    await new Promise((resolve) => setImmediate(resolve));
    // The one that was begun last would end first, if nothing kept them apart.
    writes.reverse();
    await endWrites(writes, Promise.all([older, newer]));
    expect(inImage.get(3)).toBe(2);
    expect([...present]).toEqual([3]);
  });
});
