import { putStream, retrying } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { ManualClock } from "./manual-clock.ts";
import { failureOf, type Script, withServer } from "./scripted-s3.ts";
import { type Answer, errorAnswer } from "./scripted-server.ts";

const CREATE = { condition: { type: "if-absent" }, sizeMax: 64 * 1024 * 1024 } as const;
const ALWAYS = { ...CREATE, condition: { type: "none" } } as const;

async function* body(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(9 * 1024 * 1024);
}

function xml(text: string): Answer {
  const headers = { "content-type": "application/xml" };
  return { status: 200, headers, body: `<?xml version="1.0"?>${text}` };
}

const COMPLETED = xml(
  '<CompleteMultipartUploadResult><ETag>"whole-2"</ETag></CompleteMultipartUploadResult>',
);

/** A store that does everything right, but for the last step. */
function script(complete: (count: number) => Answer): Script {
  let count = 0;
  return ({ method, query }) => {
    if (method === "POST" && query.has("uploads")) {
      const ids = "<UploadId>upload-7</UploadId>";
      return xml(`<InitiateMultipartUploadResult>${ids}</InitiateMultipartUploadResult>`);
    }
    if (method === "PUT") return { status: 200, headers: { etag: '"part"' } };
    if (method === "DELETE") return { status: 204 };
    count += 1;
    return complete(count);
  };
}

describe("an upload to S3", () => {
  it("sends its metadata first and its condition last", async () => {
    await withServer(
      script(() => COMPLETED),
      {},
      async (store, seen) => {
        const timestampMs = Date.UTC(2026, 0, 15, 10, 30, 25, 630);
        const meta = await putStream(store, "k", body(), { ...CREATE, timestampMs });
        expect(meta).toMatchObject({ version: '"whole-2"', size: 9 * 1024 * 1024, timestampMs });
        expect(seen.map(({ method }) => method)).toEqual(["POST", "PUT", "PUT", "POST"]);
        const [first, , , last] = seen;
        const stamp = "2026-01-15T10:30:25.63Z";
        expect(first?.headers["x-amz-meta-litestream-timestamp"]).toBe(stamp);
        expect(first?.headers["if-none-match"]).toBeUndefined();
        expect(last?.headers["if-none-match"]).toBe("*");
        expect(last?.query.get("uploadId")).toBe("upload-7");
      },
    );
  });

  const DOUBTS: readonly (readonly [string, Answer])[] = [
    ["an error that comes after a status of 200", { ...errorAnswer(200, "InternalError") }],
    ["no body", { status: 200, headers: { "content-type": "application/xml" } }],
    ["a failure of the server", errorAnswer(500, "InternalError")],
    ["a torn connection", { status: 0, instead: "reset" }],
    ["an upload that is not known any more", errorAnswer(404, "NoSuchUpload")],
  ];

  it.each(DOUBTS)("takes %s at its end for an open question", async (_name, answer) => {
    for (const options of [CREATE, ALWAYS]) {
      await withServer(
        script(() => answer),
        {},
        async (store, seen) => {
          const repeating = retrying(store, { clock: new ManualClock() });
          const failure = await failureOf(putStream(repeating, "k", body(), options));
          expect(failure.code).toBe("OUTCOME_UNKNOWN");
          expect(seen.map(({ method }) => method)).toEqual([
            ...["POST", "PUT", "PUT", "POST"],
            "DELETE",
          ]);
        },
      );
    }
  });

  it("asks again when the store only had no time for its end", async () => {
    await withServer(
      script((count) => (count < 3 ? errorAnswer(200, "SlowDown") : COMPLETED)),
      {},
      async (store, seen) => {
        const repeating = retrying(store, { clock: new ManualClock() });
        await putStream(repeating, "k", body(), CREATE);
        expect(seen.filter(({ method }) => method === "POST")).toHaveLength(1 + 3);
      },
    );
  });

  it("says that another was first, and drops what it sent", async () => {
    await withServer(
      script(() => errorAnswer(412, "PreconditionFailed")),
      {},
      async (store, seen) => {
        const failure = await failureOf(putStream(store, "k", body(), CREATE));
        expect(failure.code).toBe("OBJECT_EXISTS");
        expect(seen.at(-1)).toMatchObject({ method: "DELETE", path: "/bucket/k" });
        expect(seen.at(-1)?.query.get("uploadId")).toBe("upload-7");
      },
    );
  });
});
