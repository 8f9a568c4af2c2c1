/**
 * What hostile bytes must lead to, whatever they are; for the tests and for longer runs by hand.
 */
import {
  Decoder,
  decodePageFrame,
  decodePageIndex,
  LtxError,
  type PageSize,
  readIndexFromTail,
  verifyLtx,
} from "../src/index.ts";
import type { SeededRandom } from "../src/testing/index.ts";

/** Runs a decoder over bytes; gives its error, or undefined if it took them. */
export function refusalOf(decode: () => unknown): LtxError | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    if (LtxError.is(error) && typeof error.code === "string") return error;
    throw error;
  }
}

/** Every way to read a whole file; none may fail with anything but an LtxError. */
export function readEveryWay(bytes: Uint8Array): readonly (LtxError | undefined)[] {
  return [
    refusalOf(() => verifyLtx(bytes)),
    refusalOf(() => decodeInChunks(bytes, 700)),
    refusalOf(() => readIndexFromTail(bytes.subarray(-300), bytes.length)),
    refusalOf(() => decodePageIndex(bytes.subarray(-60), { at: bytes.length })),
    refusalOf(() => decodePageFrame(bytes.subarray(100), 512 as PageSize)),
  ];
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
  return Uint8Array.from([...bytes.subarray(0, at), ...put, ...bytes.subarray(at + cut)]);
}
