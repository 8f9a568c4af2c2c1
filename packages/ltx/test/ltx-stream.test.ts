import { describe, expect, it } from "vitest";
import { decodeLtxStream, encodeLtx, type LtxStream } from "../src/index.ts";
import { randomFile } from "../src/testing/index.ts";
import { chunked, chunkedLater, expectCodeLater } from "./support.ts";

const spec = randomFile(10, { pageCountMin: 20 });
const bytes = encodeLtx(spec);

async function pagesOf(stream: LtxStream) {
  const pages: { pgno: number; page: Uint8Array }[] = [];
  for await (const { pgno, page } of stream.pages()) pages.push({ pgno, page });
  return pages;
}

/** A source, and whether it was let go of. */
function watched(from: AsyncGenerator<Uint8Array>) {
  const state = { open: true };
  const source = (async function* () {
    try {
      yield* from;
    } finally {
      state.open = false;
    }
  })();
  return { source, state };
}

describe("decodeLtxStream", () => {
  it("reads buffers, iterables and streams", async () => {
    for (const source of [bytes, chunked(bytes, 1000), chunkedLater(bytes, 77)]) {
      const stream = await decodeLtxStream(source);
      expect(stream.header).toMatchObject(spec.header);
      expect(stream.trailer).toBeUndefined();
      expect(await pagesOf(stream)).toEqual(spec.pages);
      expect(stream.trailer).toBeDefined();
      expect(await stream.next()).toBeUndefined();
    }
  });

  it("reads the body of a response", async () => {
    const body = new Response(bytes as Uint8Array<ArrayBuffer>).body as ReadableStream<Uint8Array>;
    expect(await pagesOf(await decodeLtxStream(body))).toEqual(spec.pages);
  });

  it("refuses a body that is cut or too long", async () => {
    for (const size of [0, 50, 100, 500, bytes.length - 1]) {
      const cut = async () =>
        pagesOf(await decodeLtxStream(chunkedLater(bytes.subarray(0, size), 64)));
      await expectCodeLater(cut(), "TRUNCATED");
    }
    const longer = Uint8Array.from([...bytes, 1]);
    const read = async () => pagesOf(await decodeLtxStream(chunkedLater(longer, bytes.length)));
    await expectCodeLater(read(), "TRAILER_INVALID");
  });

  it("lets go of the source when it is left early, closed, or wrong", async () => {
    const left = watched(chunkedLater(bytes, 100));
    const stream = await decodeLtxStream(left.source);
    for await (const _ of stream.pages()) break;
    expect(left.state.open).toBe(false);
    await expectCodeLater(stream.next(), "CLOSED");

    const closed = watched(chunkedLater(bytes, 100));
    const other = await decodeLtxStream(closed.source);
    await other.close();
    await other.close();
    expect(closed.state.open).toBe(false);

    const wrong = watched(chunkedLater(bytes.slice(1), 100));
    await expectCodeLater(decodeLtxStream(wrong.source), "NOT_LTX");
    expect(wrong.state.open).toBe(false);
  });

  it("passes on what goes wrong with the source", async () => {
    const failure = new Error("connection reset");
    async function* source() {
      yield bytes.subarray(0, 500);
      throw failure;
    }
    const stream = await decodeLtxStream(source());
    await expect(pagesOf(stream)).rejects.toBe(failure);
  });

  it("holds no more than a chunk and a page, however long the file", async () => {
    const long = encodeLtx(randomFile(11, { pageCountMin: 3000 }));
    const stream = await decodeLtxStream(chunked(long, 4096), { reusePage: true });
    let held = 0;
    for await (const { size } of stream.pages()) {
      held = Math.max(held, stream.frame?.buffer.byteLength ?? 0, size);
    }
    expect(held).toBeLessThan(2 * (4096 + 2 * 65536 + 4096));
  });
});
