import { expect, it } from "vitest";
import { systemClock } from "../src/system.ts";

it("sleeps for long when it is told to sleep for longer than a timer can", async () => {
  const end = new AbortController();
  let isOver = false;
  const sleeping = systemClock.sleep(2 ** 31, { signal: end.signal }).finally(() => {
    isOver = true;
  });
  sleeping.catch(() => {});
  await systemClock.sleep(50);
  expect(isOver).toBe(false);
  end.abort(new Error("awake"));
  await expect(sleeping).rejects.toThrow("awake");
});
