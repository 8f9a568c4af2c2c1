import {
  limited,
  type ObjectStore,
  ObjectStoreError,
  prefixed,
  RequestCounts,
  type RequestTrace,
  retrying,
  traced,
} from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import { type Fault, faulty } from "@headwater/object-store/testing";
import { describe, expect, it } from "vitest";
import { ManualClock } from "./manual-clock.ts";

const ALWAYS = { condition: { type: "none" } } as const;
const IF_ABSENT = { condition: { type: "if-absent" } } as const;
const bytes = (text: string) => new TextEncoder().encode(text);

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => "none",
    (reason: unknown) => reason,
  );
  return ObjectStoreError.is(error) ? error.code : String(error);
}

async function keysOf(store: ObjectStore, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

describe("layers", () => {
  it("keep its name, what the store can, and how it lays out keys", () => {
    const inner = new MemoryStore({ keyLayout: "s3", supports: { conditionalDelete: false } });
    const store = retrying(limited(prefixed(inner, "p/"), { parallelMax: 2 }));
    expect(store.name).toBe("memory:");
    expect(store.keyLayout).toBe("s3");
    expect(store.supports.conditionalDelete).toBe(false);
  });

  it("close what they wrap", async () => {
    const inner = new MemoryStore();
    await retrying(limited(prefixed(inner, "p/"), { parallelMax: 2 })).close();
    expect(await codeOf(inner.get("k"))).toBe("STORE_CLOSED");
  });
});

describe("prefixed", () => {
  it("reaches nothing outside of its prefix", async () => {
    const inner = new MemoryStore();
    const store = prefixed(inner, "in/");
    await inner.put("out", bytes("1"), ALWAYS);
    await store.put("a", bytes("1"), ALWAYS);
    expect(await keysOf(inner)).toEqual(["in/a", "out"]);
    await expect(store.get("../out")).rejects.toBeInstanceOf(RangeError);
    await expect(store.get("")).rejects.toBeInstanceOf(RangeError);
    expect(await keysOf(store, "../")).toEqual([]);
  });
});

describe("limited", () => {
  it("runs no more than so many calls at a time, in the order they came", async () => {
    const inner = new MemoryStore();
    const order: string[] = [];
    let [running, runningMax] = [0, 0];
    inner.head = async (key) => {
      order.push(key);
      running += 1;
      runningMax = Math.max(runningMax, running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
      return { key, size: 0, version: "1", lastModifiedMs: 0 };
    };
    const store = limited(inner, { parallelMax: 3 });
    const keys = Array.from({ length: 20 }, (_, count) => `k${count}`);
    await Promise.all(keys.map((key) => store.head(key)));
    await Promise.all(keys.map((key) => store.head(key)));
    expect(runningMax).toBe(3);
    expect(order).toEqual([...keys, ...keys]);
  });

  it("gives the place of an aborted or failed call to the next", async () => {
    const inner = new MemoryStore();
    let release = () => {};
    inner.head = () => new Promise((_, reject) => (release = () => reject(new Error("failed"))));
    const store = limited(inner, { parallelMax: 1 });
    const first = store.head("first");
    const controller = new AbortController();
    const waiting = store.get("k", { signal: controller.signal });
    const next = store.get("k");
    controller.abort(new Error("no more"));
    await expect(waiting).rejects.toThrow("no more");
    release();
    await expect(first).rejects.toThrow("failed");
    expect(await codeOf(next)).toBe("OBJECT_NOT_FOUND");
  });

  it("does not hold a place for a listing that is not read on", async () => {
    const store = limited(new MemoryStore(), { parallelMax: 1 });
    for (const key of ["a", "b"]) await store.put(key, bytes(key), ALWAYS);
    for await (const { key } of store.list("")) await store.get(key);
  });

  it("does not have a listing wait for all others again with each key", async () => {
    const inner = new MemoryStore();
    for (let index = 0; index < 100; index += 1) await inner.put(`k${index}`, bytes("1"), ALWAYS);
    let gets = 0;
    const get = inner.get.bind(inner);
    inner.get = async (key) => {
      gets += 1;
      await new Promise((resolve) => setImmediate(resolve));
      return get(key);
    };
    const store = limited(inner, { parallelMax: 2 });
    let isBusy = true;
    const crowd = Array.from({ length: 50 }, async () => {
      while (isBusy) await store.get("k0");
    });
    expect(await keysOf(store)).toHaveLength(100);
    isBusy = false;
    await Promise.all(crowd);
    // One for each key, and not fifty.
    expect(gets).toBeLessThan(1_000);
  });

  it("does not have an aborted step of an upload wait for its turn", async () => {
    const inner = new MemoryStore();
    const store = limited(inner, { parallelMax: 1 });
    const options = { ...ALWAYS, sizeMax: 100 } as const;
    const upload = await store.openUpload("u", options);
    let release = () => {};
    const busy = new Promise<never>((_, reject) => (release = () => reject(new Error("done"))));
    inner.head = () => busy;
    const first = store.head("first");
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(upload.putPart(0, bytes("1"), { signal })).rejects.toBe(reason);
    release();
    await expect(first).rejects.toThrow("done");
    await upload.abort();
  });

  it("takes no limit that is none", () => {
    for (const parallelMax of [0, -1, 1.5, Number.NaN]) {
      expect(() => limited(new MemoryStore(), { parallelMax })).toThrow(RangeError);
    }
  });
});

describe("traced", () => {
  it("tells of each call once, with bytes, keys, time and outcome", async () => {
    const clock = new ManualClock();
    const traces: RequestTrace[] = [];
    const slow = faulty(new MemoryStore(), {
      clock,
      rules: [{ operation: "get", fault: { type: "slow", delayMs: 25 } }],
    });
    const store = traced(slow, { clock, onRequest: (trace) => traces.push(trace) });
    await store.put("k", bytes("12345"), ALWAYS);
    await store.get("k", { range: { suffix: 2 } });
    await codeOf(store.head("missing"));
    await keysOf(store, "k");
    await store.deleteMany(["k", "l"]);
    await store.get("k", { signal: AbortSignal.abort() }).catch(() => undefined);
    await store.get("").catch(() => undefined);
    expect(traces).toMatchObject([
      { operation: "put", key: "k", bytesWritten: 5, bytesRead: 0, outcome: "ok" },
      { operation: "get", key: "k", range: { suffix: 2 }, bytesRead: 2, durationMs: 25 },
      { operation: "head", key: "missing", outcome: "OBJECT_NOT_FOUND", requests: 1 },
      { operation: "list", key: "k", keys: 1, requests: 1, outcome: "ok" },
      { operation: "deleteMany", keys: 2, requests: 1, outcome: "ok" },
      { operation: "get", outcome: "ABORTED" },
      { operation: "get", outcome: "OTHER" },
    ]);
  });

  it("counts a request for each thousand keys, and sums up by operation", async () => {
    const counts = new RequestCounts();
    const store = traced(new MemoryStore(), { onRequest: counts.add });
    const keys = Array.from({ length: 2_001 }, (_, count) => `k${count}`);
    for (const key of keys) await store.put(key, bytes("1"), ALWAYS);
    await keysOf(store);
    await store.deleteMany(keys);
    await codeOf(store.get("k0"));
    expect(counts.of("put")).toMatchObject({ calls: 2_001, requests: 2_001, bytesWritten: 2_001 });
    expect(counts.of("list")).toMatchObject({ calls: 1, requests: 3 });
    expect(counts.of("deleteMany")).toMatchObject({ calls: 1, requests: 3 });
    expect(counts.of("get")).toMatchObject({ calls: 1, failures: 1 });
    expect(counts.total().requests).toBe(2_008);
    expect(Object.keys(counts.toJSON())).toEqual(["put", "list", "deleteMany", "get"]);
    counts.reset();
    expect(counts.total().calls).toBe(0);
  });
});

describe("faulty", () => {
  it("lets the first rule decide that fits, so many times, after so many others", async () => {
    const seen: [Fault["type"], string, string][] = [];
    const store = faulty(new MemoryStore(), {
      rules: [
        { operation: "put", keyPrefix: "a", skip: 1, times: 2, fault: { type: "before" } },
        { operation: ["put", "delete"], keyPrefix: "b", fault: { type: "after" } },
      ],
      onFault: (fault, operation, key) => seen.push([fault.type, operation, key]),
    });
    const codes: string[] = [];
    for (const key of ["a1", "a2", "a3", "a4", "b1"]) {
      codes.push(await codeOf(store.put(key, bytes("1"), IF_ABSENT)));
    }
    expect(codes).toEqual(["none", "UNAVAILABLE", "UNAVAILABLE", "none", "OUTCOME_UNKNOWN"]);
    expect(await keysOf(store)).toEqual(["a1", "a4", "b1"]);
    expect(seen).toEqual([
      ["before", "put", "a2"],
      ["before", "put", "a3"],
      ["after", "put", "b1"],
    ]);
    expect(store.faultCount).toBe(3);
  });

  it("falls the same way for the same seed", async () => {
    const run = async (seed: number) => {
      const rules = [{ chance: 0.5, fault: { type: "before" } }] as const;
      const store = faulty(new MemoryStore(), { rules, seed });
      const codes: string[] = [];
      for (let count = 0; count < 40; count += 1) codes.push(await codeOf(store.head("k")));
      return codes.join(" ");
    };
    expect(await run(5)).toBe(await run(5));
    expect(await run(5)).not.toBe(await run(6));
  });

  it("delivers a late put with the bytes it left with", async () => {
    const inner = new MemoryStore();
    const rules = [{ fault: { type: "late", delayMs: 5 } }] as const;
    const store = faulty(inner, { rules });
    const body = bytes("before");
    expect(await codeOf(store.put("k", body, IF_ABSENT))).toBe("OUTCOME_UNKNOWN");
    body.fill(0);
    expect(await codeOf(inner.head("k"))).toBe("OBJECT_NOT_FOUND");
    await store.settled();
    expect(new TextDecoder().decode((await inner.get("k")).body)).toBe("before");
  });
});
