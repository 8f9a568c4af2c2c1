import { describe, expect, it } from "vitest";
import {
  decodeLtx,
  encodeLtx,
  HEADER_LAYOUT,
  INDEX_FOOTER_LAYOUT,
  INDEX_SIZE_MAX,
  type LtxError,
  readIndexFromTail,
  TRAILER_LAYOUT,
  verifyLtx,
} from "../src/index.ts";
import { randomFile, SeededRandom } from "../src/testing/index.ts";
import { allocationsOf } from "./allocations.ts";
import { manifest, readGolden } from "./golden-files.ts";
import {
  contentOf,
  decodeInChunks,
  mergeEveryWay,
  mutate,
  readEveryWay,
  refusalOf,
} from "./hostile.ts";
import { sha256 } from "./support.ts";

const MUTATIONS = 400;
/** A page of the largest size, and what a chunk of output takes. */
const FIXED_SIZE = 65_536 + 262_144;

/** A refusal says where and what. */
function expectPlace(error: LtxError | undefined, bytes: Uint8Array, what: string): void {
  if (error === undefined) throw new Error(`${what} was not noticed`);
  const { code, offset, field } = error;
  if (offset === undefined || offset > bytes.length) {
    throw new Error(`${what}: ${code} at ${offset} in ${field}`);
  }
}

/** Whatever the bytes say, what is allocated for them follows from how many there are. */
function expectSmall(read: () => unknown, bytes: Uint8Array, what: string): void {
  const { largest, total } = allocationsOf(read);
  if (largest > 6 * bytes.length + FIXED_SIZE || total > 40 * bytes.length + 20 * FIXED_SIZE) {
    throw new Error(`${what}: ${largest} bytes at once and ${total} in all for ${bytes.length}`);
  }
}

describe("hostile bytes", () => {
  for (const { name } of manifest.files) {
    const bytes = readGolden(name);
    const content = contentOf(bytes);

    it(`notices every truncation of ${name}`, () => {
      for (let size = 0; size < bytes.length; size += 1) {
        const cut = bytes.subarray(0, size);
        expectPlace(
          refusalOf(() => verifyLtx(cut)),
          cut,
          `a cut at ${size}`,
        );
      }
      // The streaming decoder sees a cut only at the end, so each costs a decode of all before it.
      const step = Math.max(1, Math.floor(bytes.length / 1500));
      for (let size = 0; size < bytes.length; size += step) {
        const cut = bytes.subarray(0, size);
        const error = refusalOf(() => decodeInChunks(cut, 700));
        expectPlace(error, cut, `a cut at ${size}`);
        expect(error?.code).toBe("TRUNCATED");
      }
    });

    it(`survives ${MUTATIONS} mutations of ${name}`, async () => {
      const random = new SeededRandom(bytes.length);
      for (let round = 0; round < MUTATIONS; round += 1) {
        const mutated = mutate(random, bytes);
        const what = `mutation ${round}`;
        const [error] = readEveryWay(mutated);
        // LZ4 can say the same in many ways; only that may pass.
        if (error === undefined) expect(contentOf(mutated)).toBe(content);
        else expectPlace(error, mutated, what);
        if (round % 4 === 0) await mergeEveryWay(mutated);
        if (round % 4 === 1) expectSmall(() => readEveryWay(mutated), mutated, what);
      }
    });

    it(`refuses every field at its maximum in ${name}`, () => {
      for (const [field, at, size] of fieldsOf(bytes)) {
        const changed = bytes.slice();
        changed.fill(0xff, at, at + size);
        if (sha256(changed) === sha256(bytes)) continue;
        const [whole, streamed] = readEveryWay(changed);
        // LZ4 can say the same in many ways; only that may pass.
        if (whole === undefined && contentOf(changed) === content) continue;
        expectPlace(whole, changed, `${field} at its maximum`);
        expectPlace(streamed, changed, `${field} at its maximum`);
        expectSmall(() => readEveryWay(changed), changed, `${field} at its maximum`);
      }
    });
  }

  it("get no memory for an index as large as they like, of a file as large as they like", () => {
    const tail = encodeLtx(randomFile(1)).slice(-1000);
    for (const indexSize of [2 ** 20, INDEX_SIZE_MAX, 2 ** 40]) {
      new DataView(tail.buffer).setBigUint64(tail.length - 24, BigInt(indexSize));
      const read = () => readIndexFromTail(tail, Number.MAX_SAFE_INTEGER);
      expect(allocationsOf(read)).toEqual({ count: 0, largest: 0, total: 0 });
    }
  });

  it("count as they are allocated", () => {
    const made = allocationsOf(() => [
      new Uint8Array(10),
      new Float64Array(2).buffer,
      new Uint8Array([1, 2, 3]).slice(1),
      new Uint8Array(new ArrayBuffer(100)),
    ]);
    expect(made).toEqual({ count: 5, largest: 100, total: 10 + 16 + 3 + 2 + 100 });
    expect(allocationsOf(() => new Uint8Array(2 ** 60)).largest).toBe(2 ** 60);
  });
});

/** Every field of fixed size in a file, as [name, offset, size]. */
function fieldsOf(bytes: Uint8Array): readonly (readonly [string, number, number])[] {
  const { index } = decodeLtx(bytes);
  const footerAt = bytes.length - 24;
  const fields: (readonly [string, number, number])[] = [];
  const add = (layout: readonly { field: string; offset: number; size: number }[], at: number) => {
    for (const { field, offset, size } of layout) fields.push([field, at + offset, size]);
  };
  add(HEADER_LAYOUT, 0);
  add(INDEX_FOOTER_LAYOUT, footerAt);
  add(TRAILER_LAYOUT, footerAt + 8);
  let indexAt = 100;
  for (const { pgno, offset, size } of index) {
    fields.push([`pgno of page ${pgno}`, offset, 4], [`flags of page ${pgno}`, offset + 4, 2]);
    const isBlock = bytes[offset + 5] === 1;
    // In block form the payload's size; in frame form the size of the frame's only block.
    fields.push([`size of page ${pgno}`, offset + (isBlock ? 6 : 13), 4]);
    fields.push([`start of LZ4 of page ${pgno}`, offset + (isBlock ? 10 : 17), 4]);
    indexAt = offset + size + 6;
  }
  for (let at = indexAt; at < footerAt; at += 1) fields.push([`index byte ${at}`, at, 1]);
  for (let at = indexAt; at + 8 < footerAt; at += 3) fields.push([`index bytes ${at}`, at, 8]);
  return fields;
}
