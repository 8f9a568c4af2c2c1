/** What several test files share: chunks, hashes, and errors by code. */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { LtxError, type LtxErrorCode, toPgno, toTxid } from "../src/index.ts";

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The bytes in pieces of `size`. */
export function* chunked(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

export async function* chunkedLater(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (const chunk of chunked(bytes, size)) {
    await null;
    yield chunk;
  }
}

/** As `toEqual` for long runs of bytes, of which it would print every difference. */
export function expectBytes(found: Uint8Array, expected: Uint8Array): void {
  expect(found.length).toBe(expected.length);
  const at = found.findIndex((byte, index) => byte !== expected[index]);
  if (at >= 0) throw new Error(`byte ${at} is ${found[at]}, not ${expected[at]}`);
}

/** The LtxError that a call throws; fails if it throws anything else or nothing. */
export function ltxErrorOf(call: () => unknown): LtxError {
  try {
    call();
  } catch (error) {
    if (LtxError.is(error)) return error;
    throw error;
  }
  throw new Error("no error was thrown");
}

export function expectCode(call: () => unknown, code: LtxErrorCode): LtxError {
  const error = ltxErrorOf(call);
  expect(error.code).toBe(code);
  return error;
}

export async function expectCodeLater(call: Promise<unknown>, code: LtxErrorCode): Promise<void> {
  await expect(call).rejects.toMatchObject({ name: "LtxError", code });
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export const pgno = toPgno;
export const txid = (value: number) => toTxid(BigInt(value));
