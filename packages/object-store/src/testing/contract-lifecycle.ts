/**
 * Contract, part five: aborting and closing.
 */

import { describe, expect, it } from "vitest";
import type { ObjectStore } from "../object-store.ts";
import type { ContractSettings } from "./contract.ts";
import {
  ALWAYS,
  bytes,
  collect,
  expectBytes,
  expectCode,
  inParallel,
  pattern,
} from "./contract-helpers.ts";

type Call = (store: ObjectStore, signal: AbortSignal) => Promise<unknown>;

const CALLS: readonly (readonly [string, Call])[] = [
  ["get", (store, signal) => store.get("key", { signal })],
  ["head", (store, signal) => store.head("key", { signal })],
  ["put", (store, signal) => store.put("key", bytes("2"), { ...ALWAYS, signal })],
  ["delete", (store, signal) => store.delete("key", { signal })],
  ["deleteMany", (store, signal) => store.deleteMany(["key"], { signal })],
  ["list", (store, signal) => collect(store.list("", { signal }))],
];

export function lifecycleCases({ open, bigBodySize }: ContractSettings): void {
  describe("aborting", () => {
    it.each(CALLS)("%s with an aborted signal does nothing", async (_name, call) => {
      await using store = await open();
      await store.put("key", bytes("1"), ALWAYS);
      const reason = new Error("not today");
      await expect(call(store, AbortSignal.abort(reason))).rejects.toBe(reason);
      expectBytes((await store.get("key")).body, bytes("1"));
    });

    it("gives back the reason when a call is aborted on its way", async () => {
      await using store = await open();
      const body = pattern(bigBodySize);
      await store.put("big", body, ALWAYS);
      const reason = new Error("changed my mind");
      for (const delayMs of [0, 1, 3, 10]) {
        const calls: ((signal: AbortSignal) => Promise<unknown>)[] = [
          (signal) => store.get("big", { signal }),
          (signal) => store.put("other", body, { ...ALWAYS, signal }),
          (signal) => collect(store.list("", { signal })),
        ];
        for (const call of calls) {
          const controller = new AbortController();
          const timer = setTimeout(() => controller.abort(reason), delayMs);
          const failure = await call(controller.signal).then(
            () => undefined,
            (error: unknown) => error,
          );
          clearTimeout(timer);
          // A fast store may have been done by then.
          if (failure !== undefined) expect(failure).toBe(reason);
        }
      }
      expectBytes((await store.get("big")).body, body);
    });

    it("goes on after many aborted calls", async () => {
      await using store = await open();
      const body = pattern(300_000);
      await store.put("key", body, ALWAYS);
      await inParallel(Array.from({ length: 200 }), 50, async () => {
        const controller = new AbortController();
        setImmediate(() => controller.abort());
        await store.get("key", { signal: controller.signal }).catch(() => undefined);
      });
      expectBytes((await store.get("key")).body, body);
    });
  });

  describe("closing", () => {
    it.each(CALLS)("%s after close is refused", async (_name, call) => {
      const store = await open();
      await store.put("key", bytes("1"), ALWAYS);
      await store.close();
      await expectCode(call(store, new AbortController().signal), "STORE_CLOSED");
    });

    it("waits for calls on their way, and may be done twice", async () => {
      const store = await open();
      const puts = Array.from({ length: 8 }, (_, n) => store.put(`${n}`, bytes("1"), ALWAYS));
      let settled = 0;
      for (const put of puts) put.finally(() => (settled += 1));
      await store.close();
      await Promise.all(puts);
      expect(settled).toBe(8);
      await store.close();
      await store[Symbol.asyncDispose]();
    });

    it("does not wait for a listing that is read no further", async () => {
      const store = await open();
      for (const key of ["1", "2"]) await store.put(key, bytes(key), ALWAYS);
      const listed = store.list("")[Symbol.asyncIterator]();
      await listed.next();
      await store.close();
      await listed.return?.();
    });
  });
}
