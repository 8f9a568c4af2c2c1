import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { readBody } from "../src/http-body.ts";

describe("bodies of announced size", () => {
  it("are put together, and the memory of their chunks is given back at once", async () => {
    const chunks = [1, 2, 3].map((value) => new Uint8Array(70_000).fill(value));
    const body = await readBody(Readable.from(chunks), 210_000);
    expect(body.byteLength).toBe(210_000);
    expect([body[0], body[69_999], body[70_000], body[209_999]]).toEqual([1, 1, 2, 3]);
    expect(chunks.map(({ byteLength }) => byteLength)).toEqual([0, 0, 0]);
  });

  it("leave alone the memory that their chunks share", async () => {
    const pool = new Uint8Array(100).fill(7);
    const body = await readBody(Readable.from([pool.subarray(0, 40), pool.subarray(40, 60)]), 60);
    expect(body).toEqual(new Uint8Array(60).fill(7));
    expect(pool).toEqual(new Uint8Array(100).fill(7));
  });
});
