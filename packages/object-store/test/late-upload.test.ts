/** An upload that is opened, and of which nobody hears: it must not keep the store from closing. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deadlined, type ObjectStore, type Upload } from "@headwater/object-store";
import { FileStore } from "@headwater/object-store/file";
import { MemoryStore } from "@headwater/object-store/memory";
import { faulty } from "@headwater/object-store/testing";
import { afterEach, describe, expect, it } from "vitest";

const OPTIONS = { condition: { type: "none" }, sizeMax: 100 * 1024 * 1024 } as const;

const folder = mkdtempSync(join(tmpdir(), "late-upload-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Opens uploads, but tells of it only when it is told to, whatever becomes of the signal. */
function slowToTell(inner: ObjectStore) {
  let onOpened: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    onOpened = resolve;
  });
  let tell: () => void = () => undefined;
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const open = inner.openUpload.bind(inner);
  inner.openUpload = async (key, options): Promise<Upload> => {
    const upload = await open(key, { ...options, signal: undefined });
    onOpened();
    await told;
    return upload;
  };
  return () => opened.then(tell);
}

describe("an upload that is opened too late", () => {
  it("is given up, when its caller was aborted", async () => {
    const inner = new FileStore({ root: folder });
    const tell = slowToTell(inner);
    const store = deadlined(inner);
    const stop = new AbortController();
    const opening = store.openUpload("k", { ...OPTIONS, signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
    await tell();
    await store.close();
    expect(readdirSync(join(folder, ".headwater"))).toEqual([]);
  });

  it("is given up, when its time was over", async () => {
    const inner = new MemoryStore();
    const tell = slowToTell(inner);
    const store = deadlined(inner, { requestMs: 5 });
    await expect(store.openUpload("k", OPTIONS)).rejects.toThrow("no answer within 5 ms");
    await tell();
    await store.close();
  });

  it.each(["after", "late"] as const)(
    "is given up by a store that is faulty (%s)",
    async (type) => {
      const fault = { type, delayMs: 1 };
      const store = faulty(new MemoryStore(), { rules: [{ operation: "openUpload", fault }] });
      await expect(store.openUpload("k", OPTIONS)).rejects.toThrow("on purpose");
      await store.close();
    },
  );
});
