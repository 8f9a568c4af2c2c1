import { describe, expect, it } from "vitest";
import {
  decodeLtx,
  HEADER_LAYOUT,
  INDEX_FOOTER_LAYOUT,
  type LtxError,
  TRAILER_LAYOUT,
  verifyLtx,
} from "../src/index.ts";
import { SeededRandom } from "../src/testing/index.ts";
import { manifest, readGolden } from "./golden-files.ts";
import { decodeInChunks, mutate, readEveryWay, refusalOf } from "./hostile.ts";
import { sha256 } from "./support.ts";

const MUTATIONS = 400;

/** A refusal says where and what. */
function expectPlace(error: LtxError | undefined, bytes: Uint8Array, what: string): void {
  if (error === undefined) throw new Error(`${what} was not noticed`);
  const { offset, field } = error;
  if (offset === undefined || offset < 0 || offset > bytes.length || field === undefined) {
    throw new Error(`${what}: ${error.code} at ${offset} in ${field}`);
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

    it(`survives ${MUTATIONS} mutations of ${name}`, () => {
      const random = new SeededRandom(bytes.length);
      for (let round = 0; round < MUTATIONS; round += 1) {
        const mutated = mutate(random, bytes);
        const [error] = readEveryWay(mutated);
        // LZ4 can say the same in many ways; only that may pass.
        if (error === undefined) expect(contentOf(mutated)).toBe(content);
        else expectPlace(error, mutated, `mutation ${round}`);
      }
    });

    it(`refuses every field at its maximum in ${name}`, () => {
      const before = process.memoryUsage().arrayBuffers;
      for (const [field, at, size] of fieldsOf(bytes)) {
        const changed = bytes.slice();
        changed.fill(0xff, at, at + size);
        if (sha256(changed) === sha256(bytes)) continue;
        const [whole, streamed] = readEveryWay(changed);
        // LZ4 can say the same in many ways; only that may pass.
        if (whole === undefined && contentOf(changed) === content) continue;
        expectPlace(whole, changed, `${field} at its maximum`);
        expectPlace(streamed, changed, `${field} at its maximum`);
      }
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
    });
  }
});

function contentOf(bytes: Uint8Array): string {
  const file = decodeLtx(bytes);
  const pages = [...file.pages()].map(({ pgno, page }) => `${pgno} ${sha256(page)}`);
  return `${sha256(bytes.subarray(0, 100))} ${pages.join(" ")}`;
}

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
