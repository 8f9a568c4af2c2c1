import { ObjectStoreError, putStream, retrying } from "@headwater/object-store";
import { openGcsStore } from "@headwater/object-store/gcs";
import { describe, expect, it } from "vitest";
import { ManualClock } from "./manual-clock.ts";
import { type Answer, type SeenRequest, startScriptedServer } from "./scripted-server.ts";

const MIB = 1024 * 1024;
const CREATE = { condition: { type: "if-absent" }, sizeMax: 64 * MIB } as const;

interface Fault {
  readonly at: number;
  /** Bytes of the piece that arrive all the same. */
  readonly keeps: number;
  readonly answer: Answer;
}

/** Google's side of one upload, with an answer now and then that is none. */
function fakeUpload(faults: readonly Fault[]) {
  let size = 0;
  let isDone = false;
  let pieces = 0;
  const resource = () => ({
    status: 200,
    body: JSON.stringify({
      name: "k",
      size: `${size}`,
      generation: "7",
      timeCreated: "2026-01-15T10:30:20.123Z",
    }),
  });
  return ({ body, headers, method }: SeenRequest): Answer => {
    if (method === "POST") {
      return { status: 200, headers: { location: `http://${headers.host}/upload/there?id=1` } };
    }
    if (method === "DELETE") return { status: 499 };
    if (isDone) return resource();
    const range = headers["content-range"] ?? "";
    const [, start, total = "*"] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(range) ?? [];
    if (start !== undefined || total !== "*") pieces += 1;
    const fault = faults.find(({ at }) => at === pieces && start !== undefined);
    if (start !== undefined && Number(start) !== size) return { status: 503 };
    size += Math.min(fault?.keeps ?? Number.POSITIVE_INFINITY, body.byteLength);
    isDone = total === `${size}`;
    if (fault !== undefined) return fault.answer;
    if (isDone) return resource();
    return { status: 308, headers: size === 0 ? {} : { range: `bytes=0-${size - 1}` } };
  };
}

async function put(faults: readonly Fault[], size: number) {
  await using server = await startScriptedServer(fakeUpload(faults));
  const opened = await openGcsStore({ bucket: "bucket", endpoint: server.endpoint });
  await using store = retrying(opened, { clock: new ManualClock() });
  const body = async function* () {
    yield new Uint8Array(size);
  };
  const result = await putStream(store, "k", body(), CREATE).catch((error: unknown) => error);
  const sent = server.seen.map(({ headers, method }) => headers["content-range"] ?? method);
  return { result, sent };
}

describe("an upload to GCS", () => {
  it("sends whole parts, and the last one with the size", async () => {
    const { result, sent } = await put([], 17 * MIB + 1);
    expect(result).toMatchObject({ size: 17 * MIB + 1, version: "7" });
    expect(sent).toEqual([
      "POST",
      `bytes 0-${8 * MIB - 1}/*`,
      `bytes ${8 * MIB}-${16 * MIB - 1}/*`,
      `bytes ${16 * MIB}-${17 * MIB}/${17 * MIB + 1}`,
    ]);
  });

  it("ends an object without a rest by its size alone", async () => {
    const { result, sent } = await put([], 16 * MIB);
    expect(result).toMatchObject({ size: 16 * MIB });
    expect(sent.at(-1)).toBe(`bytes */${16 * MIB}`);
  });

  it("goes on where a part broke off", async () => {
    const torn: Answer = { status: 0, instead: "reset" };
    const { result, sent } = await put([{ at: 2, keeps: MIB, answer: torn }], 17 * MIB);
    expect(result).toMatchObject({ size: 17 * MIB });
    expect(sent).toContain("bytes */*");
    expect(sent).toContain(`bytes ${9 * MIB}-${16 * MIB - 1}/*`);
  });

  it("sends the rest of a part that was taken in part", async () => {
    const range = `bytes=0-${3 * MIB - 1}`;
    const answer: Answer = { status: 308, headers: { range } };
    const { result, sent } = await put([{ at: 1, keeps: 3 * MIB, answer }], 9 * MIB);
    expect(result).toMatchObject({ size: 9 * MIB });
    expect(sent).toContain(`bytes ${3 * MIB}-${8 * MIB - 1}/*`);
  });

  it("leaves a lost answer to its end an open question", async () => {
    const torn: Answer = { status: 0, instead: "reset" };
    const keeps = Number.POSITIVE_INFINITY;
    const { result, sent } = await put([{ at: 2, keeps, answer: torn }], 9 * MIB + 1);
    expect(ObjectStoreError.is(result, "OUTCOME_UNKNOWN")).toBe(true);
    expect(sent.at(-1)).toBe("DELETE");
  });
});
