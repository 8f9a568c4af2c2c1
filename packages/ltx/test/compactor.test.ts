import { describe, expect, it } from "vitest";
import {
  decodeLtx,
  encodeLtx,
  lockPgno,
  type MergeOptions,
  mergeLtx,
  toChecksum,
  toPageSize,
} from "../src/index.ts";
import { decodeFileSpec, type FileSpecInit, fileSpec } from "../src/testing/index.ts";
import { forge } from "./forge.ts";
import { chunkedLater, expectCodeLater } from "./support.ts";

async function merge(files: readonly FileSpecInit[], options?: MergeOptions) {
  const inputs = files.map((init) => encodeLtx(fileSpec(init)));
  return mergeLtx(inputs, options).bytes();
}

/** The first byte of each page, by page number. */
function firstBytes(bytes: Uint8Array): Record<number, number | undefined> {
  const { pages } = decodeFileSpec(bytes);
  return Object.fromEntries(pages.map(({ pgno, page }) => [pgno, page[0]]));
}

describe("mergeLtx", () => {
  it("takes the newest of each page", async () => {
    const { bytes, result } = await merge([
      { minTxid: 2, commit: 9, pages: { 1: 1, 3: 1, 5: 1 } },
      { minTxid: 3, commit: 9, pages: { 3: 2, 4: 2 } },
      { minTxid: 4, commit: 9, pages: { 1: 3, 9: 3 } },
    ]);
    expect(firstBytes(bytes)).toEqual({ 1: 3, 3: 2, 4: 2, 5: 1, 9: 3 });
    expect(result.size).toBe(bytes.length);
    expect(result.index).toEqual(decodeLtx(bytes).index);
    expect(result.zeroPages).toBe(0);
  });

  it("has the first's start and the last's end in its header", async () => {
    const wal = { walOffset: 32, walSize: 100, walSalt1: 1, walSalt2: 2, nodeId: 7n };
    const { bytes, result } = await merge([
      { minTxid: 2, maxTxid: 5, commit: 9, timestampMs: 100, pages: { 1: 1 }, header: wal },
      { minTxid: 6, maxTxid: 8, commit: 7, timestampMs: 50, pages: { 2: 1 }, header: wal },
    ]);
    expect(result.header).toEqual(decodeLtx(bytes).header);
    expect(result.header).toMatchObject({
      noChecksum: true,
      commit: 7,
      minTxid: 2n,
      maxTxid: 8n,
      timestampMs: 50,
      walOffset: 0,
      walSize: 0,
      walSalt1: 0,
      walSalt2: 0,
      nodeId: 0n,
    });
  });

  it("drops pages above the last commit", async () => {
    const { bytes } = await merge([
      { pages: { 1: 1, 2: 1, 3: 1 } },
      { minTxid: 2, commit: 2, pages: { 1: 2 } },
    ]);
    expect(firstBytes(bytes)).toEqual({ 1: 2, 2: 1 });
  });

  describe("after a shrink and growth", () => {
    const shrinkThenGrow: readonly FileSpecInit[] = [
      { pages: { 1: 1, 2: 1, 3: 1, 4: 1, 5: 1 } },
      { minTxid: 2, commit: 2, pages: { 1: 2 } },
      { minTxid: 3, commit: 5, pages: { 1: 3, 4: 3 } },
    ];

    it("brings back no page from before the shrink, and has every page of a snapshot", async () => {
      const { bytes, result } = await merge(shrinkThenGrow);
      expect(firstBytes(bytes)).toEqual({ 1: 3, 2: 1, 3: 0, 4: 3, 5: 0 });
      expect(result.zeroPages).toBe(2);
    });

    it("also in a file that is no snapshot: the base below may hold such pages", async () => {
      const { bytes } = await merge(shrinkThenGrow.slice(1));
      expect(firstBytes(bytes)).toEqual({ 1: 3, 3: 0, 4: 3, 5: 0 });
    });

    it("fails instead if told so", async () => {
      await expectCodeLater(merge(shrinkThenGrow, { missingPages: "reject" }), "PAGE_MISSING");
    });

    it("drops pages that one input writes and the next cuts off", async () => {
      const { bytes } = await merge([
        { minTxid: 2, commit: 6, pages: { 6: 1 } },
        { minTxid: 3, commit: 4, pages: { 1: 2 } },
        { minTxid: 4, commit: 7, pages: { 5: 3, 6: 3, 7: 3 } },
      ]);
      expect(firstBytes(bytes)).toEqual({ 1: 2, 5: 3, 6: 3, 7: 3 });
    });

    it("never makes up the lock page", async () => {
      const lock = lockPgno(toPageSize(65536));
      const { bytes, result } = await merge([
        { pageSize: 65536, minTxid: 2, commit: lock - 2 },
        { pageSize: 65536, minTxid: 3, commit: lock + 2, pages: { [lock + 1]: 5 } },
      ]);
      expect(firstBytes(bytes)).toEqual({ [lock - 1]: 0, [lock + 1]: 5, [lock + 2]: 0 });
      expect(result.zeroPages).toBe(2);
    });

    it("makes up only so many pages", async () => {
      const files = [{ pages: { 1: 1 } }, { minTxid: 2, commit: 2 ** 32 - 1 }];
      await expectCodeLater(merge(files), "LIMIT_EXCEEDED");
    });
  });

  it("fills an incomplete snapshot only if told so", async () => {
    const lacking = forge(fileSpec({ pages: { 1: 1, 2: 2, 3: 3 } }), (parts) => {
      parts.frames.pop();
      parts.index = Uint8Array.from([...parts.index.slice(0, -5), 0]);
    });
    const next = encodeLtx(fileSpec({ minTxid: 2, commit: 4, pages: { 4: 4 } }));
    await expectCodeLater(mergeLtx([lacking, next]).bytes(), "SNAPSHOT_INCOMPLETE");
    const options = { allowIncompleteSnapshot: true };
    const { bytes, result } = await mergeLtx([lacking, next], options).bytes();
    expect(firstBytes(bytes)).toEqual({ 1: 1, 2: 2, 3: 0, 4: 4 });
    expect(result.zeroPages).toBe(1);
    const strict = mergeLtx([lacking], { ...options, missingPages: "reject" });
    await expectCodeLater(strict.bytes(), "PAGE_MISSING");
  });

  describe("pauses after each megabyte of pages, if told how,", () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [at + 1, at & 0xff]));
    const megabyte = 2 ** 20 / 65536;
    const whole = { pageSize: 65536, pages: many(4 * megabyte) };
    const cases: Readonly<Record<string, readonly [pauses: number, files: FileSpecInit[]]>> = {
      "of those that it copies": [4, [whole]],
      "of those that it drops": [4, [whole, { minTxid: 2, pageSize: 65536, commit: 1 }]],
      "of all that it reads": [8, [whole, { ...whole, minTxid: 2 }]],
      "of those that it makes up": [
        4,
        [{ pageSize: 65536 }, { minTxid: 2, pageSize: 65536, commit: 4 * megabyte }],
      ],
      "and not for less": [0, [{ pageSize: 65536, pages: many(megabyte - 1) }]],
    };
    for (const [name, [expected, files]] of Object.entries(cases)) {
      it(name, async () => {
        let pauses = 0;
        const pause = async () => {
          pauses += 1;
        };
        const { bytes, result } = await merge(files, { pause });
        const without = await merge(files);
        expect(bytes).toEqual(without.bytes);
        expect(result.zeroPages).toBe(without.result.zeroPages);
        expect(Math.abs(pauses - expected)).toBeLessThanOrEqual(expected === 0 ? 0 : 1);
      });
    }
  });

  it("merges one file into an equal one", async () => {
    const bytes = encodeLtx(fileSpec({ pages: { 1: 1, 2: 2 } }));
    expect((await mergeLtx([chunkedLater(bytes, 10)]).bytes()).bytes).toEqual(bytes);
  });

  it("writes either encoding, from either", async () => {
    const files: readonly FileSpecInit[] = [
      { pages: { 1: 1, 2: 2 }, encoding: "frame" },
      { minTxid: 2, commit: 2, pages: { 2: 3 }, encoding: "block" },
    ];
    for (const encoding of ["block", "frame"] as const) {
      const { bytes } = await merge(files, { encoding });
      const pages = [...decodeLtx(bytes).pages()];
      expect(pages.map((page) => page.encoding)).toEqual([encoding, encoding]);
      expect(firstBytes(bytes)).toEqual({ 1: 1, 2: 3 });
    }
  });

  describe("with checksums", () => {
    const pre = toChecksum((1n << 63n) | 1n);
    const post = toChecksum((1n << 63n) | 2n);
    const header = { noChecksum: false, preApplyChecksum: pre };
    const files: readonly FileSpecInit[] = [
      { minTxid: 2, commit: 3, pages: { 1: 1 }, header, postApplyChecksum: post },
      { minTxid: 3, commit: 3, pages: { 2: 1 }, header, postApplyChecksum: post },
    ];

    it("leaves them out unless told otherwise", async () => {
      const { result } = await merge(files);
      expect(result.header.noChecksum).toBe(true);
      expect(result.trailer.postApplyChecksum).toBeUndefined();
    });

    it("has the first's before and the last's after", async () => {
      const { result } = await merge(files, { noChecksum: false });
      expect(result.header.preApplyChecksum).toBe(pre);
      expect(result.trailer.postApplyChecksum).toBe(post);
    });

    it("needs inputs that have them", async () => {
      const without = [{ minTxid: 2, commit: 3, pages: { 1: 1 } }];
      await expectCodeLater(merge(without, { noChecksum: false }), "CHECKSUM_REQUIRED");
    });
  });

  describe("inputs", () => {
    it("may overlap", async () => {
      const { bytes } = await merge([
        { minTxid: 2, maxTxid: 5, commit: 3, pages: { 1: 1, 2: 1 } },
        { minTxid: 4, maxTxid: 6, commit: 3, pages: { 2: 2 } },
      ]);
      expect(firstBytes(bytes)).toEqual({ 1: 1, 2: 2 });
    });

    it("may not leave a gap, go back, or stand still", async () => {
      const first = { minTxid: 2, maxTxid: 5, commit: 3, pages: { 1: 1 } };
      for (const [minTxid, maxTxid] of [
        [7, 8],
        [2, 4],
        [2, 5],
        [6, 6],
      ] as const) {
        const second = { minTxid, maxTxid, commit: 3, pages: { 1: 1 } };
        const merged = merge([first, second]);
        if (minTxid === 6) await merged;
        else await expectCodeLater(merged, "NOT_CONTIGUOUS");
      }
      const gap = [first, { minTxid: 9, commit: 3, pages: { 2: 1 } }];
      expect((await merge(gap, { allowGaps: true })).result.header.maxTxid).toBe(9n);
    });

    it("have one page size", async () => {
      const files = [{ pages: { 1: 1 } }, { minTxid: 2, pageSize: 1024, pages: { 1: 1 } }];
      await expectCodeLater(merge(files), "PAGE_SIZE_MISMATCH");
    });

    it("are at least one", async () => {
      await expect(mergeLtx([]).bytes()).rejects.toThrow(RangeError);
    });

    it("are verified to their end, and all let go of when one is wrong", async () => {
      const good = encodeLtx(fileSpec({ pages: { 1: 1, 2: 2 } }));
      const bad = encodeLtx(fileSpec({ minTxid: 2, commit: 2, pages: { 1: 1 } }));
      bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1;
      let open = 2;
      const watch = async function* (bytes: Uint8Array) {
        try {
          yield* chunkedLater(bytes, 20);
        } finally {
          open -= 1;
        }
      };
      await expectCodeLater(mergeLtx([watch(good), watch(bad)]).bytes(), "CHECKSUM_MISMATCH");
      expect(open).toBe(0);
    });

    it("are let go of when the output is not read to its end", async () => {
      let open = true;
      const watch = async function* () {
        try {
          yield* chunkedLater(encodeLtx(fileSpec({ pages: { 1: 1, 2: 2 } })), 20);
        } finally {
          open = false;
        }
      };
      const merged = mergeLtx([watch()]);
      for await (const _ of merged) break;
      expect(merged.result).toBeUndefined();
      expect(open).toBe(false);
    });
  });
});
