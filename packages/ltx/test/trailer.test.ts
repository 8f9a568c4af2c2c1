import { describe, expect, it } from "vitest";
import { decodeTrailer, encodeTrailer, toChecksum } from "../src/index.ts";
import { expectCode } from "./support.ts";

const fileChecksum = toChecksum((1n << 63n) | 77n);
const postApplyChecksum = toChecksum((1n << 63n) | 78n);

describe("Trailer", () => {
  it("comes back as it went in", () => {
    for (const trailer of [
      { postApplyChecksum, fileChecksum },
      { postApplyChecksum: undefined, fileChecksum },
    ]) {
      expect(decodeTrailer(encodeTrailer(trailer))).toEqual(trailer);
    }
  });

  it("has a post-apply checksum exactly when the header's flags say so", () => {
    const withIt = encodeTrailer({ postApplyChecksum, fileChecksum });
    const without = encodeTrailer({ postApplyChecksum: undefined, fileChecksum });
    expectCode(() => decodeTrailer(withIt, { noChecksum: true }), "TRAILER_INVALID");
    expectCode(() => decodeTrailer(without, { noChecksum: false }), "TRAILER_INVALID");
    expect(decodeTrailer(withIt, { noChecksum: false }).postApplyChecksum).toBe(postApplyChecksum);
  });

  it("has the flag bit in its checksums", () => {
    const bytes = encodeTrailer({ postApplyChecksum, fileChecksum });
    for (const at of [0, 8]) {
      const damaged = bytes.slice();
      damaged[at] = 0x7f;
      const error = expectCode(() => decodeTrailer(damaged, { at: 200 }), "TRAILER_INVALID");
      expect(error.offset).toBe(200 + at);
    }
  });

  it("is sixteen bytes", () => {
    expectCode(() => decodeTrailer(new Uint8Array(15)), "TRUNCATED");
  });
});
