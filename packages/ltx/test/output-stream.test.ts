import { describe, expect, it } from "vitest";
import { concatBytes, OutputStream } from "../src/index.ts";

describe("OutputStream", () => {
  it("has its result once it has been read", async () => {
    const output = new OutputStream(
      (async function* () {
        yield Uint8Array.of(1, 2);
        yield Uint8Array.of(3);
        return "done";
      })(),
    );
    expect(output.result).toBeUndefined();
    const { bytes, result } = await output.bytes();
    expect([...bytes]).toEqual([1, 2, 3]);
    expect(result).toBe("done");
    expect(output.result).toBe("done");
  });

  it("ends what it reads from when it is left early", async () => {
    let ended = false;
    const output = new OutputStream(
      (async function* () {
        try {
          yield Uint8Array.of(1);
          yield Uint8Array.of(2);
        } finally {
          ended = true;
        }
      })(),
    );
    for await (const _ of output) break;
    expect(ended).toBe(true);
    expect(output.result).toBeUndefined();
  });
});

describe("concatBytes", () => {
  it("puts chunks together", () => {
    expect(concatBytes([])).toEqual(new Uint8Array(0));
    expect([...concatBytes([Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3)])]).toEqual([
      1, 2, 3,
    ]);
  });
});
