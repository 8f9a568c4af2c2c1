import { metered, type ObjectStore, putStream, tellingRequests } from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import { faulty } from "@headwater/object-store/testing";
import { expect, it } from "vitest";
import { CountingMeter } from "./counting-meter.ts";
import { keysOf } from "./scripted-s3.ts";

const MIB = 1024 * 1024;
const ALWAYS = { condition: { type: "none" } } as const;

function meterOf(inner: ObjectStore) {
  const meter = new CountingMeter();
  return { meter, store: metered(tellingRequests(inner), meter) };
}

it("a store that tells nothing of its requests has one counted for each call", async () => {
  const { meter, store } = meterOf(new MemoryStore());
  await store.put("a", new Uint8Array(3), ALWAYS);
  await store.get("a");
  await store.get("b").catch(() => undefined);
  await store.head("a");
  await keysOf(store.list(""));
  await store.delete("a");
  await store.deleteMany(["a", "b"]);
  const body = async function* () {
    yield new Uint8Array(9 * MIB);
  };
  await putStream(store, "c", body(), { ...ALWAYS, sizeMax: 64 * MIB });
  expect(meter.kinds.slice(0, 7)).toEqual([
    "put",
    "get",
    "get",
    "head",
    "list",
    "delete",
    "deleteMany",
  ]);
  expect(meter.kinds.slice(7)).toEqual(["openUpload", "putPart", "putPart", "completeUpload"]);
  expect(meter).toMatchObject({
    endedCount: 11,
    failed: 0,
    bytesSent: 3 + 9 * MIB,
    bytesReceived: 3,
  });
});

it("a listing is one request per thousand keys, and one when there are none", async () => {
  const inner = new MemoryStore();
  const { meter, store } = meterOf(inner);
  const put = (count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, at) =>
        inner.put(`${count}/${at}`, new Uint8Array(), ALWAYS),
      ),
    );
  for (const [count, pages] of [
    [0, 1],
    [1000, 1],
    [1001, 2],
  ] as const) {
    await put(count);
    const before = meter.kinds.length;
    expect(await keysOf(store.list(`${count}/`))).toHaveLength(count);
    expect(meter.kinds.length - before).toBe(pages);
    expect(meter.endedCount).toBe(meter.kinds.length);
  }
});

it("what the store could not do has failed, what it refused has not", async () => {
  const fault = { type: "before", code: "UNAVAILABLE" } as const;
  const inner = faulty(new MemoryStore(), {
    rules: [{ fault, operation: ["get", "list"], times: 2 }],
  });
  const { meter, store } = meterOf(inner);
  await store.get("nothing").catch(() => undefined);
  await keysOf(store.list("")).catch(() => undefined);
  expect(meter).toMatchObject({ endedCount: 2, failed: 2 });
  await store.get("nothing").catch(() => undefined);
  expect(meter).toMatchObject({ endedCount: 3, failed: 2 });
});

it("a call that has a meter of its own keeps it", async () => {
  const { meter, store } = meterOf(new MemoryStore());
  const own = new CountingMeter();
  await store.put("a", new Uint8Array(1), { ...ALWAYS, meter: own });
  expect(own.kinds).toEqual(["put"]);
  expect(meter.kinds).toEqual([]);
});

it("a store that tells of its requests is not wrapped", () => {
  const { store } = meterOf(new MemoryStore());
  expect(tellingRequests(store)).toBe(store);
});
