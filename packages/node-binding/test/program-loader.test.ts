import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { programLoader } from "../src/program-loader.ts";
import { currentTarget } from "../src/target.ts";
import { tempDir } from "./support/temp-dir.ts";

const LOADER = "/lib/ld-musl-x86_64.so.1";
const HEADER_BYTES = 64;
const ENTRY_BYTES = 56;

interface Entry {
  readonly type: number;
  readonly offset: number;
  readonly length: number;
}

/** The beginning of a 64-bit program. */
function program(entries: readonly Entry[], tail: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  header.writeUInt16LE(ENTRY_BYTES, 54);
  header.writeUInt16LE(entries.length, 56);
  const table = entries.map(({ type, offset, length }) => {
    const entry = Buffer.alloc(ENTRY_BYTES);
    entry.writeUInt32LE(type, 0);
    entry.writeBigUInt64LE(BigInt(offset), 8);
    entry.writeBigUInt64LE(BigInt(length), 32);
    return entry;
  });
  return Buffer.concat([header, ...table, Buffer.from(tail)]);
}

function loaderOf(bytes: Uint8Array): string | undefined {
  const path = join(tempDir(), "program");
  writeFileSync(path, bytes);
  return programLoader(path);
}

const tailAt = (entryCount: number) => HEADER_BYTES + entryCount * ENTRY_BYTES;
const interpreter = (offset: number, length: number) => ({ type: 3, offset, length });

describe("the loader of a program", () => {
  it("is what its header names, wherever that lies", () => {
    const first = { type: 6, offset: HEADER_BYTES, length: 2 * ENTRY_BYTES };
    const entry = interpreter(tailAt(2) + 5000, LOADER.length + 1);
    const tail = `${"x".repeat(5000)}${LOADER}\0rest`;
    expect(loaderOf(program([first, entry], tail))).toBe(LOADER);
  });

  it.each([
    ["is no program", Buffer.from("#!/bin/sh\n".repeat(20))],
    ["is empty", Buffer.alloc(0)],
    ["is of 32 bits", Buffer.from(program([], "")).fill(1, 4, 5)],
    ["is linked statically", program([{ type: 1, offset: 0, length: 10 }], "")],
    ["ends before its table", program([interpreter(0, 10)], "").subarray(0, tailAt(1) - 1)],
    ["has a path of no length at all", program([interpreter(0, 2 ** 40)], "")],
  ])("is not known when the file %s", (_what, bytes) => {
    expect(loaderOf(bytes)).toBeUndefined();
  });
});

describe("the target of this machine", () => {
  it("has the C library that a report of the process names", (context) => {
    context.skip(process.platform !== "linux", "there is one C library on this system");
    const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
    const libc = report.header.glibcVersionRuntime === undefined ? "musl" : "gnu";
    expect(programLoader("/proc/self/exe")).toMatch(libc === "gnu" ? /\/ld-linux/ : /\/ld-musl-/);
    expect(currentTarget()).toBe(`linux-${process.arch}-${libc}`);
  });
});
