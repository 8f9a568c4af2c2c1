import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  deadlined,
  limited,
  type ObjectStore,
  ObjectStoreError,
  putStream,
  type RequestTrace,
  retrying,
  traced,
  type Upload,
  type UploadOptions,
} from "@headwater/object-store";
import { FileStore } from "@headwater/object-store/file";
import { MemoryStore } from "@headwater/object-store/memory";
import { type FaultRule, faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { ManualClock } from "./manual-clock.ts";

const MIB = 1024 * 1024;
const CREATE = { condition: { type: "if-absent" }, sizeMax: 64 * MIB } as const;
const ALWAYS = { condition: { type: "none" }, sizeMax: 64 * MIB } as const;

async function* body(size: number, pieceSize = MIB): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < size; offset += pieceSize) {
    yield new Uint8Array(Math.min(pieceSize, size - offset)).fill(offset / pieceSize);
  }
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return ObjectStoreError.is(error) ? error.code : String(error);
}

function setUp(rules: readonly FaultRule[]) {
  const clock = new ManualClock();
  const memory = new MemoryStore();
  const traces: RequestTrace[] = [];
  const watched = traced(memory, { onRequest: (trace) => traces.push(trace) });
  const faults = faulty(watched, { rules, clock });
  return { memory, faults, traces, store: retrying(faults, { clock }) };
}

describe("putStream over a store that fails", () => {
  it("sends single steps again, and no more than those", async () => {
    const { faults, memory, store, traces } = setUp([
      { fault: { type: "before" }, operation: "openUpload", times: 2 },
      { fault: { type: "after" }, operation: "putPart", skip: 1, times: 2 },
      { fault: { type: "before" }, operation: "completeUpload", times: 2 },
    ]);
    await putStream(store, "k", body(20 * MIB), CREATE);
    expect(faults.faultCount).toBe(6);
    expect((await memory.head("k")).size).toBe(20 * MIB);
    const parts = traces.filter(({ operation }) => operation === "putPart");
    // Two lost answers cost two parts more, not the whole.
    expect(parts).toHaveLength(3 + 2);
    expect(traces.filter(({ operation }) => operation === "put")).toEqual([]);
    const written = traces.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    expect(written).toBeLessThanOrEqual((20 + 16) * MIB);
  });

  it.each([CREATE, ALWAYS])("never repeats a last step whose answer got lost", async (options) => {
    const rules = [{ fault: { type: "after" }, operation: "completeUpload" }] as const;
    const { faults, memory, store } = setUp(rules);
    expect(await codeOf(putStream(store, "k", body(9 * MIB), options))).toBe("OUTCOME_UNKNOWN");
    expect(faults.faultCount).toBe(1);
    expect((await memory.head("k")).size).toBe(9 * MIB);
  });

  it("drops the parts when a part cannot be sent, and then there is no object", async () => {
    const rules = [{ fault: { type: "before" }, operation: "putPart", skip: 1 }] as const;
    const { memory, store, traces } = setUp(rules);
    expect(await codeOf(putStream(store, "k", body(40 * MIB), CREATE))).toBe("UNAVAILABLE");
    expect(await codeOf(memory.head("k"))).toBe("OBJECT_NOT_FOUND");
    expect(traces.at(-1)?.operation).toBe("abortUpload");
    await store.close();
  });

  it("closes even if the parts cannot be dropped", async () => {
    const { store } = setUp([{ fault: { type: "before" }, operation: ["putPart", "abortUpload"] }]);
    expect(await codeOf(putStream(store, "k", body(9 * MIB), CREATE))).toBe("UNAVAILABLE");
    await store.close();
    expect(await codeOf(store.openUpload("k", CREATE))).toBe("STORE_CLOSED");
  });

  it("asks the body for nothing where the store cannot take it", async () => {
    const store = new MemoryStore({ supports: { streamedConditions: false } });
    let isAsked = false;
    const given = async function* () {
      isAsked = true;
      yield new Uint8Array(1);
    };
    expect(await codeOf(putStream(store, "k", given(), CREATE))).toBe("UNSUPPORTED");
    expect(isAsked).toBe(false);
    await putStream(store, "k", body(9 * MIB), ALWAYS);
    await putStream(store, "small", body(1), { ...CREATE, sizeMax: MIB });
    expect((await store.head("small")).size).toBe(1);
  });
});

describe("putStream's memory", () => {
  it("holds as many parts as may be on their way, and one more", async () => {
    const inner = new MemoryStore();
    let held = 0;
    let heldMax = 0;
    const slow: ObjectStore = Object.assign(Object.create(inner) as ObjectStore, {
      supports: inner.supports,
      openUpload: async (key: string, options: typeof ALWAYS) => {
        const upload = await inner.openUpload(key, options);
        const { partSize, partsParallel } = upload;
        return {
          key,
          partSize,
          partsParallel,
          putPart: async (index: number, part: Uint8Array) => {
            held += 1;
            heldMax = Math.max(heldMax, held);
            await new Promise((resolve) => setTimeout(resolve, 2));
            await upload.putPart(index, part);
            held -= 1;
          },
          complete: () => upload.complete(),
          abort: () => upload.abort(),
        };
      },
    });
    await putStream(slow, "k", body(64 * MIB), ALWAYS);
    expect(heldMax).toBe(4);
    expect((await inner.head("k")).size).toBe(64 * MIB);
  });

  it("makes larger parts of larger objects", async () => {
    const store = new MemoryStore();
    const sizes = await Promise.all(
      [0, 80_000 * MIB, 80_000 * MIB + 1, 5 * MIB * MIB].map(async (sizeMax) => {
        const upload = await store.openUpload("k", { ...ALWAYS, sizeMax });
        await upload.abort();
        return upload.partSize / MIB;
      }),
    );
    expect(sizes).toEqual([8, 8, 9, 525]);
    await expect(store.openUpload("k", { ...ALWAYS, sizeMax: -1 })).rejects.toBeInstanceOf(
      RangeError,
    );
  });

  it("lets streams share the turns of a store, more of them than there are turns", async () => {
    const memory = new MemoryStore();
    await using store = limited(memory, { parallelMax: 2 });
    const keys = Array.from({ length: 8 }, (_, index) => `k${index}`);
    await Promise.all(keys.map((key) => putStream(store, key, body(17 * MIB), ALWAYS)));
    for (const key of keys) expect((await memory.head(key)).size).toBe(17 * MIB);
  });
});

describe("deadlines of a stream", () => {
  function hanging(step: "putPart" | "complete"): ObjectStore {
    const inner = new MemoryStore();
    return Object.assign(Object.create(inner) as ObjectStore, {
      supports: inner.supports,
      openUpload: async (key: string, options: UploadOptions): Promise<Upload> => {
        const upload = await inner.openUpload(key, options);
        const never = () => new Promise<never>(() => {});
        return {
          key,
          partSize: upload.partSize,
          partsParallel: upload.partsParallel,
          putPart: (index, part) => upload.putPart(index, part),
          complete: () => upload.complete(),
          abort: () => upload.abort(),
          [step]: never,
        };
      },
    });
  }

  it("end a part that hangs, and leave the last step an open question", async () => {
    const late = (step: "putPart" | "complete") => {
      const store = deadlined(hanging(step), { clock: new ManualClock() });
      return codeOf(putStream(store, "k", body(9 * MIB), ALWAYS));
    };
    expect(await late("putPart")).toBe("UNAVAILABLE");
    expect(await late("complete")).toBe("OUTCOME_UNKNOWN");
  });

  it("do not count the time that the body takes", async () => {
    const store = deadlined(new MemoryStore(), { clock: new ManualClock() });
    const slow = async function* () {
      for await (const piece of body(18 * MIB)) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        yield piece;
      }
    };
    expect((await putStream(store, "k", slow(), ALWAYS)).size).toBe(18 * MIB);
  });
});

describe("an upload to a folder", () => {
  it("leaves no temporary file, however it ends", async () => {
    const root = await mkdtemp(join(tmpdir(), "object-store-"));
    const store = new FileStore({ root, fsync: false });
    await putStream(store, "k", body(9 * MIB), CREATE);
    expect(await codeOf(putStream(store, "k", body(9 * MIB), CREATE))).toBe("OBJECT_EXISTS");
    const failing = async function* () {
      yield* body(9 * MIB);
      throw new Error("no more");
    };
    await expect(putStream(store, "other", failing(), CREATE)).rejects.toThrow("no more");
    await store.close();
    const names = await readdir(root, { recursive: true });
    expect(names.sort()).toEqual([".headwater", "k"]);
    await rm(root, { recursive: true });
  });
});
