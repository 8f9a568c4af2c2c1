/**
 * What hostile bytes must lead to, whatever they are; for the tests and for longer runs by hand.
 */
import {
  concatBytes,
  Decoder,
  decodeLtx,
  decodePageFrame,
  decodePageIndex,
  describe,
  LtxError,
  mergeLtx,
  type PageSize,
  readIndexFromTail,
  restoreDatabase,
  verifyLtx,
} from "../src/index.ts";
import type { SeededRandom } from "../src/testing/index.ts";
import { sha256 } from "./support.ts";

/**
 * Runs a decoder over bytes; gives its error, or undefined if it took them. Fails if it throws
 * anything but an LtxError that says where and what.
 */
export function refusalOf(decode: () => unknown): LtxError | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    return expectPlace(error);
  }
}

function expectPlace(error: unknown): LtxError {
  if (!LtxError.is(error)) throw error;
  const { code, offset, field } = error;
  if (offset !== undefined && offset >= 0 && field !== undefined) return error;
  throw new Error(`${code} at ${offset} in ${field}`, { cause: error });
}

/** Every way to read a whole file; none may fail with anything but an LtxError. */
export function readEveryWay(bytes: Uint8Array): readonly (LtxError | undefined)[] {
  const refusals = [
    refusalOf(() => verifyLtx(bytes)),
    refusalOf(() => decodeInChunks(bytes, 700)),
    refusalOf(() => decodeByIndex(bytes)),
    refusalOf(() => readIndexFromTail(bytes.subarray(-300), bytes.length)),
    refusalOf(() => decodePageIndex(bytes.subarray(-60), { at: bytes.length })),
    refusalOf(() => decodePageFrame(bytes.subarray(100), 512 as PageSize)),
  ];
  const { valid, problem } = describe(bytes);
  if (refusals[0] === undefined && !valid) throw new Error(`describe says ${problem?.message}`);
  return refusals;
}

/** As an input of a merge and of a restore, which end with it. */
export async function mergeEveryWay(bytes: Uint8Array): Promise<void> {
  const options = { missingPages: "reject" } as const;
  for (const output of [mergeLtx([bytes], options), restoreDatabase([bytes], options)]) {
    try {
      for await (const _ of output);
    } catch (error) {
      const isOfInputs = LtxError.is(error) && error.remedy === "fix-inputs";
      if (!isOfInputs) expectPlace(error);
    }
  }
}

/** Each page by the range that the index gives, as a reader of a remote file does it. */
function decodeByIndex(bytes: Uint8Array): void {
  const file = decodeLtx(bytes);
  for (const { pgno } of file.index) file.page(pgno);
}

/** What a file says, without how: its header, and its pages uncompressed. */
export function contentOf(bytes: Uint8Array): string {
  const pages = [...decodeLtx(bytes).pages()].map(({ pgno, page }) => `${pgno} ${sha256(page)}`);
  return `${sha256(bytes.subarray(0, 100))} ${pages.join(" ")}`;
}

export function decodeInChunks(bytes: Uint8Array, chunkSize: number): void {
  const decoder = new Decoder({ reusePage: true });
  for (let at = 0; at < bytes.length; at += chunkSize) {
    decoder.push(bytes.subarray(at, at + chunkSize));
    while (decoder.next() !== undefined);
  }
  decoder.finish();
}

/** A copy with some bytes changed, cut out, put in twice, or set to extremes. */
export function mutate(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  let mutated: Uint8Array = bytes.slice();
  for (let changes = random.between(1, 4); changes > 0; changes -= 1) {
    const at = random.below(mutated.length);
    const length = random.between(1, 12);
    const kind = random.below(6);
    if (kind === 0) mutated[at] = random.u32();
    else if (kind === 1) mutated[at] = (mutated[at] as number) ^ (1 << random.below(8));
    else if (kind === 2) mutated.fill(0xff, at, at + length);
    else if (kind === 3) mutated.fill(0, at, at + length);
    else if (kind === 4) mutated = splice(mutated, at, length, new Uint8Array(0));
    else mutated = splice(mutated, at, 0, mutated.slice(at, at + length));
    if (mutated.length === 0) break;
  }
  return mutated;
}

function splice(bytes: Uint8Array, at: number, cut: number, put: Uint8Array): Uint8Array {
  return concatBytes([bytes.subarray(0, at), put, bytes.subarray(at + cut)]);
}
