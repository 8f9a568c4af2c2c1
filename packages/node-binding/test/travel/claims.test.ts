import type { Mount, Past } from "@headwater/vfs-core";
import { expect, it } from "vitest";
import { claimPast, forgetPasts, leavePast } from "../../src/engine/past-claims.ts";

const { signal } = new AbortController();
const moment = { type: "txid", txid: 1n } as const;

/** A mount whose pasts count how often they are closed. */
function countingMount() {
  const counts = { closed: 0 };
  const close = async () => {
    counts.closed += 1;
  };
  const past = { name: "app.db@1", txid: 1n, createdAtMs: 0, close } as unknown as Past;
  return { mount: { at: async () => past } as unknown as Mount, counts };
}

it("a past is left once, by its number", async () => {
  const { mount, counts } = countingMount();
  const { number } = await claimPast(mount, moment, signal);
  await leavePast(number);
  await leavePast(number);
  expect(counts.closed).toBe(1);
});

it("nothing of a past is held when its mount is closed, and others stay", async () => {
  const [closed, open] = [countingMount(), countingMount()];
  const { number } = await claimPast(closed.mount, moment, signal);
  const other = await claimPast(open.mount, moment, signal);
  expect(other.number).not.toBe(number);
  forgetPasts(closed.mount);
  await leavePast(number);
  expect(closed.counts.closed).toBe(0);
  await leavePast(other.number);
  expect(open.counts.closed).toBe(1);
});
