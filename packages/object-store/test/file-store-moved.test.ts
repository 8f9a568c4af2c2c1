/** A folder that goes away in the middle of a put: what has happened is never told as a failure. */

import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ObjectStore, ObjectStoreError, type PutCondition } from "@headwater/object-store";
import { FileStore } from "@headwater/object-store/file";
import { expect, it, onTestFinished, vi } from "vitest";

const after: { call?: (() => void) | undefined } = {};

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const then = <Args extends unknown[]>(work: (...args: Args) => Promise<void>) => {
    return async (...args: Args) => {
      await work(...args);
      after.call?.();
    };
  };
  return { ...real, link: then(real.link), rename: then(real.rename) };
});

async function movable() {
  const root = await mkdtemp(join(tmpdir(), "headwater-test-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const [folder, away] = [join(root, "bucket"), join(root, "away")];
  const store: ObjectStore = new FileStore({ root: folder });
  onTestFinished(() => store.close());
  const move = () => {
    after.call = undefined;
    renameSync(folder, away);
    writeFileSync(folder, "not a folder");
  };
  return { store, away, move };
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => (ObjectStoreError.is(error) ? error.code : error),
  );
}

it.each<PutCondition>([{ type: "if-absent" }, { type: "none" }])(
  "a put (%j) that was done is not told as one that was not",
  async (condition) => {
    const { store, away, move } = await movable();
    await store.put("a/other", new Uint8Array(3), { condition: { type: "none" } });
    after.call = move;
    const failure = await failureOf(store.put("a/k", new Uint8Array(5), { condition }));
    expect(after.call).toBeUndefined();
    expect(existsSync(join(away, "a/k"))).toBe(true);
    expect([undefined, "OUTCOME_UNKNOWN"]).toContain(failure);
  },
);
