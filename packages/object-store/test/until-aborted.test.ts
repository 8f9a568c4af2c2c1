import { expect, it } from "vitest";
import { untilAborted } from "../src/index.ts";

const never = new Promise<never>(() => {});
const reason = new Error("enough");

it("gives what the work gives, and fails as it fails", async () => {
  const { signal } = new AbortController();
  for (const each of [signal, undefined]) {
    expect(await untilAborted(Promise.resolve(7), each)).toBe(7);
    await expect(untilAborted(Promise.reject(reason), each)).rejects.toBe(reason);
  }
});

it("ends with the reason of the signal, whether that comes before or while it waits", async () => {
  const abort = new AbortController();
  const waiting = untilAborted(never, abort.signal);
  abort.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(untilAborted(never, abort.signal)).rejects.toBe(reason);
  await expect(untilAborted(Promise.resolve(7), abort.signal)).rejects.toBe(reason);
});

it("leaves no failure behind that nobody hears of", async () => {
  const failed = Promise.reject(new Error("of the work"));
  await expect(untilAborted(failed, AbortSignal.abort(reason))).rejects.toBe(reason);
});
