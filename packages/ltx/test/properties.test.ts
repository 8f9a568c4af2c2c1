/** What holds for every database and every chain of files, tried on random ones. */
import { describe, expect, it } from "vitest";
import {
  decodeLtx,
  encodeLtx,
  mergeLtx,
  PAGE_SIZES,
  restoreDatabase,
  verifyLtx,
} from "../src/index.ts";
import {
  decodeFileSpec,
  type FileSpec,
  randomChain,
  randomFile,
  SeededRandom,
} from "../src/testing/index.ts";
import { chunkedLater, expectBytes } from "./support.ts";

const SEEDS = 12;

/** What applying files one after another means, in the plainest words. */
function apply(database: Uint8Array, spec: FileSpec): Uint8Array {
  const { pageSize, commit } = spec.header;
  const after = new Uint8Array(commit * pageSize);
  after.set(database.subarray(0, after.length));
  for (const { pgno, page } of spec.pages) after.set(page, (pgno - 1) * pageSize);
  return after;
}

async function merged(files: readonly Uint8Array[]): Promise<Uint8Array> {
  return (await mergeLtx(files.map((file) => chunkedLater(file, 5000))).bytes()).bytes;
}

async function restored(files: readonly Uint8Array[]): Promise<Uint8Array> {
  return (await restoreDatabase(files).bytes()).bytes;
}

describe.each(PAGE_SIZES)("with pages of %i bytes", (pageSize) => {
  const seeds = Array.from({ length: SEEDS }, (_, seed) => seed + pageSize);

  it("a file decodes to what was encoded", () => {
    for (const seed of seeds) {
      for (const checksums of [false, true]) {
        const spec = randomFile(seed, { pageSize, checksums });
        const bytes = encodeLtx(spec);
        const decoded = decodeFileSpec(bytes);
        expect(decoded.header).toEqual({ ...spec.header, ...decodeLtx(bytes).header });
        expect(decoded.pages.map((page) => page.pgno)).toEqual(spec.pages.map((page) => page.pgno));
        for (const [at, { page }] of spec.pages.entries()) {
          expectBytes(decoded.pages[at]?.page ?? new Uint8Array(0), page);
        }
        expect(decoded.postApplyChecksum).toBe(spec.postApplyChecksum);
      }
    }
  });

  it("merging is the same as applying one after another", async () => {
    for (const seed of seeds) {
      const chain = randomChain(seed, { pageSize, pageCountMax: 8, checksums: seed % 2 === 0 });
      const files = chain.files.map((file) => encodeLtx(file));
      const expected = chain.databases.at(-1) as Uint8Array;
      expectBytes(chain.files.reduce(apply, new Uint8Array(0)), expected);
      const whole = await merged(files);
      verifyLtx(whole);
      expectBytes(await restored([whole]), expected);
      expectBytes(await restored(files), expected);
    }
  });

  it("so it is where files grow the database without holding its new pages", async () => {
    for (const seed of seeds) {
      const chain = randomChain(seed, { pageSize, pageCountMax: 8, holes: true, length: 5 });
      const files = chain.files.map((file) => encodeLtx(file));
      const expected = chain.databases.at(-1) as Uint8Array;
      expectBytes(chain.files.reduce(apply, new Uint8Array(0)), expected);
      expectBytes(await restored([await merged(files)]), expected);
      // Merging any part first makes no difference, whether or not it starts with the snapshot.
      const random = new SeededRandom(seed);
      const from = random.below(files.length);
      const to = random.between(from + 1, files.length);
      const part = await merged(files.slice(from, to));
      verifyLtx(part);
      expectBytes(await restored([...files.slice(0, from), part, ...files.slice(to)]), expected);
      const applied = [
        ...chain.files.slice(0, from),
        decodeFileSpec(part),
        ...chain.files.slice(to),
      ];
      expectBytes(applied.reduce(apply, new Uint8Array(0)), expected);
    }
  });
});
