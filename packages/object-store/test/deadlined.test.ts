import {
  type Clock,
  deadlined,
  limited,
  type ObjectStore,
  ObjectStoreError,
  retrying,
} from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import { describe, expect, it } from "vitest";

const ALWAYS = { condition: { type: "none" } } as const;
const IF_ABSENT = { condition: { type: "if-absent" } } as const;
const IF_VERSION = { condition: { type: "if-version", version: "1" } } as const;
const bytes = (text: string) => new TextEncoder().encode(text);

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => "none",
    (reason: unknown) => reason,
  );
  return ObjectStoreError.is(error) ? error.code : String(error);
}

async function keysOf(store: ObjectStore, signal?: AbortSignal): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list("", { signal })) keys.push(key);
  return keys;
}

type Call = (store: ObjectStore, signal?: AbortSignal) => Promise<unknown>;

/** Every call, and what it must say when no answer has come. */
const CALLS: readonly (readonly [string, Call, string])[] = [
  ["get", (store, signal) => store.get("k", { signal }), "UNAVAILABLE"],
  ["head", (store, signal) => store.head("k", { signal }), "UNAVAILABLE"],
  ["put", (store, signal) => store.put("k", bytes("1"), { ...ALWAYS, signal }), "UNAVAILABLE"],
  [
    "put if-absent",
    (store, signal) => store.put("k", bytes("1"), { ...IF_ABSENT, signal }),
    "OUTCOME_UNKNOWN",
  ],
  [
    "put if-version",
    (store, signal) => store.put("k", bytes("1"), { ...IF_VERSION, signal }),
    "OUTCOME_UNKNOWN",
  ],
  ["delete", (store, signal) => store.delete("k", { signal }), "UNAVAILABLE"],
  [
    "delete if-version",
    (store, signal) => store.delete("k", { ...IF_VERSION, signal }),
    "OUTCOME_UNKNOWN",
  ],
  ["deleteMany", (store, signal) => store.deleteMany(["k"], { signal }), "UNAVAILABLE"],
  ["list", (store, signal) => keysOf(store, signal), "UNAVAILABLE"],
];

/** Never answers, and does not care about signals; but shows them. */
function silentStore() {
  const inner = new MemoryStore();
  const signals: (AbortSignal | undefined)[] = [];
  const hang = (options: { readonly signal?: AbortSignal | undefined } = {}) => {
    signals.push(options.signal);
    return new Promise<never>(() => {});
  };
  inner.get = (_key, options) => hang(options);
  inner.head = (_key, options) => hang(options);
  inner.put = (_key, _body, options) => hang(options);
  inner.delete = (_key, options) => hang(options);
  inner.deleteMany = (_keys, options) => hang(options);
  inner.list = (_prefix, options) => ({
    [Symbol.asyncIterator]: () => ({ next: () => hang(options), return: () => hang(options) }),
  });
  return { inner, signals };
}

/** Time passes when the test says so. */
class PatientClock implements Clock {
  readonly sleeping = new Set<{ readonly untilMs: number; readonly wake: () => void }>();
  #nowMs = 1_000;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  get sleepsMs(): number[] {
    return [...this.sleeping].map(({ untilMs }) => untilMs - this.#nowMs);
  }

  async pass(durationMs: number): Promise<void> {
    await turn();
    this.#nowMs += durationMs;
    for (const sleeper of this.sleeping) if (sleeper.untilMs <= this.#nowMs) sleeper.wake();
    await turn();
  }

  sleep(durationMs: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        this.sleeping.delete(sleeper);
        resolve();
      };
      const sleeper = { untilMs: this.#nowMs + durationMs, wake };
      this.sleeping.add(sleeper);
      signal?.addEventListener("abort", () => {
        this.sleeping.delete(sleeper);
        reject(signal.reason);
      });
    });
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("deadlined", () => {
  describe("a call that gets no answer", () => {
    it.each(CALLS)("%s ends, and ends the request", async (_name, call, code) => {
      const { inner, signals } = silentStore();
      const store = deadlined(inner, { requestMs: 20, wholeBytes: 1 });
      const error = await call(store).catch((reason: unknown) => reason);
      expect(ObjectStoreError.is(error) && error.code).toBe(code);
      expect(error).toMatchObject({ store: store.name });
      expect(signals[0]?.aborted).toBe(true);
    });

    it.each(CALLS)("%s still ends with the reason of its signal", async (_name, call) => {
      const { inner, signals } = silentStore();
      const controller = new AbortController();
      const calling = call(deadlined(inner), controller.signal);
      const reason = new Error("enough");
      setTimeout(() => controller.abort(reason), 5);
      await expect(calling).rejects.toBe(reason);
      expect(signals[0]?.reason).toBe(reason);
    });
  });

  it("gives a call the more time the more bytes it moves", async () => {
    const clock = new PatientClock();
    const options = { requestMs: 1_000, bytesPerSecondMin: 1_000, wholeBytes: 9_000, clock };
    const store = deadlined(silentStore().inner, options);
    const get = (range: Parameters<ObjectStore["get"]>[1]) => store.get("k", range);
    const calls: (readonly [number, () => Promise<unknown>])[] = [
      [1_000, () => store.head("k")],
      [3_000, () => store.put("k", new Uint8Array(2_000), IF_ABSENT)],
      [1_500, () => get({ range: { offset: 7_000, length: 500 } })],
      [1_250, () => get({ range: { suffix: 250 } })],
      [10_000, () => get({ range: { offset: 7 } })],
      [10_000, () => get({})],
      [1_000, () => store.deleteMany([])],
      [3_000, () => store.deleteMany(Array.from({ length: 2_001 }, (_, index) => `k${index}`))],
    ];
    for (const [durationMs, call] of calls) {
      const code = codeOf(call());
      expect(clock.sleepsMs).toEqual([durationMs]);
      await clock.pass(durationMs - 1);
      expect(clock.sleeping.size).toBe(1);
      await clock.pass(1);
      expect(await code).not.toBe("none");
      expect(clock.sleeping.size).toBe(0);
    }
  });

  it("gives deleteMany the time of a request for each hundred keys where each is a request", () => {
    const clock = new PatientClock();
    const { inner } = silentStore();
    const { batchedDelete: _, ...supports } = inner.supports;
    const store = deadlined(Object.assign(inner, { supports }), { requestMs: 1_000, clock });
    void codeOf(store.deleteMany(Array.from({ length: 1_000 }, (_each, index) => `k${index}`)));
    expect(clock.sleepsMs).toEqual([10_000]);
  });

  it("leaves nothing behind when a call has ended", async () => {
    const clock = new PatientClock();
    const store = deadlined(new MemoryStore(), { clock });
    const { signal } = new AbortController();
    await store.put("k", bytes("1"), { ...ALWAYS, signal });
    await store.get("k", { signal });
    await keysOf(store, signal);
    for await (const _ of store.list("", { signal })) break;
    await store.get("nothing", { signal }).catch(() => {});
    await store.get("").catch(() => {});
    expect(clock.sleeping.size).toBe(0);
  });

  describe("a listing", () => {
    async function filled(): Promise<MemoryStore> {
      const inner = new MemoryStore();
      for (const key of ["a", "b", "c"]) await inner.put(key, bytes(key), ALWAYS);
      return inner;
    }

    it("has its time for each step, and none of it for who reads it", async () => {
      const clock = new PatientClock();
      const store = deadlined(await filled(), { requestMs: 100, clock });
      const keys: string[] = [];
      for await (const { key } of store.list("")) {
        keys.push(key);
        await clock.pass(1_000);
      }
      expect(keys).toEqual(["a", "b", "c"]);
      expect(clock.sleeping.size).toBe(0);
    });

    it("ends when one step takes too long", async () => {
      const clock = new PatientClock();
      const inner = await filled();
      const list = inner.list.bind(inner);
      inner.list = async function* (prefix, options) {
        for await (const meta of list(prefix, options)) {
          if (meta.key === "c") await new Promise(() => {});
          yield meta;
        }
      };
      const listed = deadlined(inner, { requestMs: 100, clock }).list("")[Symbol.asyncIterator]();
      await listed.next();
      await clock.pass(60);
      await listed.next();
      const last = codeOf(listed.next());
      await clock.pass(60);
      expect(clock.sleepsMs).toEqual([40]);
      await clock.pass(40);
      expect(await last).toBe("UNAVAILABLE");
    });

    it("does not keep a clock running that nobody waits for", async () => {
      const clock = new PatientClock();
      const store = deadlined(await filled(), { requestMs: 100, clock });
      const listed = store.list("")[Symbol.asyncIterator]();
      await listed.next();
      await clock.pass(100);
      expect(clock.sleeping.size).toBe(0);
      await listed.next();
      expect(clock.sleepsMs).toEqual([100]);
      await listed.return?.();
      expect(clock.sleeping.size).toBe(0);
    });

    it("has more time for a step where one step is many requests", async () => {
      const clock = new PatientClock();
      const { inner } = silentStore();
      Object.assign(inner, { supports: { ...inner.supports, orderedList: false } });
      const listing = codeOf(keysOf(deadlined(inner, { requestMs: 100, clock })));
      await turn();
      expect(clock.sleepsMs).toEqual([1_000]);
      await clock.pass(1_000);
      expect(await listing).toBe("UNAVAILABLE");
    });
  });

  describe("below retrying", () => {
    it("lets a request that hangs be sent again", async () => {
      const inner = new MemoryStore();
      await inner.put("k", bytes("1"), ALWAYS);
      const get = inner.get.bind(inner);
      let calls = 0;
      inner.get = async (key, options) => {
        calls += 1;
        return calls < 3 ? new Promise(() => {}) : get(key, options);
      };
      const store = retrying(
        limited(deadlined(inner, { requestMs: 10, wholeBytes: 1 }), { parallelMax: 4 }),
      );
      expect((await store.get("k")).meta.size).toBe(1);
      expect(calls).toBe(3);
    });

    it("finds a put that happened although no answer came", async () => {
      const inner = new MemoryStore();
      const put = inner.put.bind(inner);
      let calls = 0;
      inner.put = async (key, body, options) => {
        calls += 1;
        await put(key, body, options);
        return new Promise(() => {});
      };
      const store = retrying(deadlined(inner, { requestMs: 10 }));
      const meta = await store.put("k", bytes("mine"), IF_ABSENT);
      expect(meta.version).toBe((await inner.head("k")).version);
      expect(calls).toBe(1);
    });
  });

  it("takes no number that makes no sense", () => {
    for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const inner = new MemoryStore();
      expect(() => deadlined(inner, { requestMs: wrong })).toThrow(RangeError);
      expect(() => deadlined(inner, { bytesPerSecondMin: wrong })).toThrow(RangeError);
    }
  });
});
