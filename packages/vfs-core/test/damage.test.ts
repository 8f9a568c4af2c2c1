import { decodeLtx, encodeLtx } from "@headwater/ltx";
import { describe, expect, it } from "vitest";
import { openWorld } from "./support/reading.ts";
import { range, World } from "./support/world.ts";

const PGNO = 120;

/** A file that is fetched by ranges, with one bit of the frame of a page turned. */
async function damaged(encoding: "block" | "frame", at: (size: number) => number) {
  const world = new World({ pageSize: 4096, isRandom: true });
  await world.write({ pages: range(1, 200) });
  const sound = decodeLtx(await world.body(0, 1, 1));
  const pages = range(1, 200).map((pgno) => ({
    pgno: pgno as never,
    page: sound.page(pgno as never)!,
  }));
  const { pageSize, commit, minTxid, maxTxid, timestampMs } = sound.header;
  const header = { pageSize, commit, minTxid, maxTxid, timestampMs };
  const body = encodeLtx({ header, pages, encoding });
  const entry = [...decodeLtx(body).index].find(({ pgno }) => pgno === PGNO)!;
  body[entry.offset + at(entry.size)]! ^= 1;
  await world.put(0, 1, 1, body);
  return world;
}

async function readFrom(world: World): Promise<Uint8Array> {
  await using replica = await openWorld(world, { warmUp: false });
  using snapshot = replica.snapshot();
  expect(await snapshot.readPage(PGNO + 1)).toEqual(world.pageAt(1, PGNO + 1));
  return await snapshot.readPage(PGNO);
}

describe("a page by range", () => {
  const told = new RegExp(`page ${PGNO} in .*\\.ltx is damaged`);

  it.each([
    ["its number", 3],
    ["its flags", 5],
    ["the size of its payload", 9],
  ])("is named when %s is wrong", async (_, at) => {
    const world = await damaged("block", () => at);
    await expect(readFrom(world)).rejects.toThrow(told);
  });

  it("is named when any byte of a frame with a checksum is wrong", async () => {
    for (const share of [0.01, 0.3, 0.7, 0.999]) {
      const world = await damaged("frame", (size) => Math.floor(share * size));
      await expect(readFrom(world), `${share}`).rejects.toThrow(told);
    }
  });
});
