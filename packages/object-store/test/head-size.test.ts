/** A HEAD whose answer has lost its length on the way, as where something compresses answers. */

import { describe, expect, it } from "vitest";
import { failure as azureFailure, head as azureHead } from "./scripted-azure.ts";
import { failure as s3Failure, head as s3Head } from "./scripted-s3.ts";
import type { Answer } from "./scripted-server.ts";

const answer = (headers: Answer["headers"]): Answer => ({
  status: 200,
  headers: { etag: '"v"', "last-modified": "Thu, 15 Jan 2026 10:30:25 GMT", ...headers },
});

describe("an object whose size is not told", () => {
  it.each([
    ["chunked", { "transfer-encoding": "chunked" }],
    ["compressed", { "transfer-encoding": "chunked", "content-encoding": "gzip" }],
  ])("is not taken for an empty one (%s)", async (_name, headers) => {
    for (const failed of [
      await s3Failure(() => answer(headers), s3Head),
      await azureFailure(() => answer(headers), azureHead),
    ]) {
      expect(failed.code).toBe("CONFIG_INVALID");
      expect(failed.message).toContain("tells no size");
    }
  });
});
