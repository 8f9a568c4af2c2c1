import type { MountEvent } from "@headwater/vfs-core";
import { expect, it, onTestFinished } from "vitest";
import { EventListeners } from "../src/event-listeners.ts";

const remoteCommit = (txid: bigint): MountEvent => ({ type: "remoteCommit", txid });

/** What nobody has caught, until the test is over; as a program does that goes on regardless. */
function uncaught(): unknown[] {
  const errors: unknown[] = [];
  const before = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const listener = (error: unknown) => void errors.push(error);
  process.on("uncaughtException", listener);
  onTestFinished(() => {
    process.off("uncaughtException", listener);
    for (const one of before) process.on("uncaughtException", one);
  });
  return errors;
}

it("tells what was before it began, and each event once, though a listener throws", async () => {
  const errors = uncaught();
  const listeners = new EventListeners();
  const told: bigint[] = [];
  listeners.tell(remoteCommit(1n));
  listeners.tell(remoteCommit(2n));
  listeners.add("remoteCommit", ({ txid }) => {
    told.push(txid);
    throw new Error(`of ${txid}`);
  });
  setImmediate(() => listeners.begin());
  await expect.poll(() => errors).toHaveLength(2);
  setImmediate(() => listeners.tell(remoteCommit(3n)));
  await expect.poll(() => errors).toHaveLength(3);
  expect(told).toEqual([1n, 2n, 3n]);
});

it("may have any number of listeners, and says nothing of it", async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on("warning", onWarning);
  onTestFinished(() => void process.off("warning", onWarning));
  const listeners = new EventListeners();
  for (let count = 0; count < 50; count += 1) listeners.add("hydrated", () => {});
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});
