/** A file store over a folder with things in it that are no files. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ObjectStore, ObjectStoreError } from "@headwater/object-store";
import { FileStore } from "@headwater/object-store/file";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const BODY = new TextEncoder().encode("body");
const ALWAYS = { condition: { type: "none" } } as const;
const IF_ABSENT = { condition: { type: "if-absent" } } as const;

let root = "";
let store: ObjectStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "file-oddities-"));
  store = new FileStore({ root });
});

afterEach(async () => {
  await store.close();
  rmSync(root, { recursive: true });
});

async function codeOf(call: Promise<unknown>): Promise<string> {
  const failure = await call.then(
    () => "resolved",
    (error: unknown) => error,
  );
  return ObjectStoreError.is(failure) ? failure.code : String(failure);
}

describe("a folder in the place of an object", () => {
  it("is no object that was created before", async () => {
    await store.put("a/b", BODY, ALWAYS);
    expect(await codeOf(store.put("a", BODY, IF_ABSENT))).toBe("UNSUPPORTED");
    expect(await codeOf(store.put("a", BODY, ALWAYS))).toBe("UNSUPPORTED");
    expect(await codeOf(store.head("a"))).toBe("OBJECT_NOT_FOUND");
  });
});

describe("links that lead to no file", () => {
  it("do not keep the others from being listed", async () => {
    writeFileSync(join(root, "file"), "1");
    symlinkSync(join(root, "circle"), join(root, "circle"));
    symlinkSync(join(root, "file", "below"), join(root, "below"));
    symlinkSync(join(root, "nowhere"), join(root, "dangling"));
    const keys: string[] = [];
    for await (const { key } of store.list("")) keys.push(key);
    expect(keys).toEqual(["file"]);
  });
});

describe.skipIf(process.platform === "win32")("a pipe", () => {
  it("is no object, and keeps nobody waiting", async () => {
    execFileSync("mkfifo", [join(root, "pipe")]);
    expect(await codeOf(store.get("pipe"))).toBe("OBJECT_NOT_FOUND");
    expect(await codeOf(store.head("pipe"))).toBe("OBJECT_NOT_FOUND");
  });
});
