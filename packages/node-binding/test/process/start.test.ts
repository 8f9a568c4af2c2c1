/**
 * The start of the engine, and the ways between it and the threads that call it.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DrivenProcess } from "../support/driven-process.ts";
import { eventually, within } from "../support/eventually.ts";
import { openWriter } from "../support/mounts.ts";
import { tempDir } from "../support/temp-dir.ts";

const NEVER_MS = 600_000;
/**
 * What Node.js loads for the first event that comes from a BroadcastChannel, and for a module that
 * imports node:http: 15 ms a thread.
 */
const WEB_CLASSES = "NativeModule internal/deps/undici/undici";

/** Whoever runs the tests may have a say in what is compiled. */
const { NODE_COMPILE_CACHE: _, NODE_DISABLE_COMPILE_CACHE: __, ...env } = process.env;

const program = (): DrivenProcess => new DrivenProcess("./headwater-child.ts", { env });

/** To write, so that there is something to tell. */
function writing(name: string) {
  const url = `file://${tempDir()}/${name}`;
  const journalDir = tempDir();
  return { url, name, mode: "write", journalDir, syncIntervalMs: NEVER_MS } as const;
}

/** Whose events its main thread was told of, when there was one. */
function heardBy(child: DrivenProcess): Promise<string[]> {
  return eventually("an event", async () => {
    const names = (await child.call("heard")) as string[];
    return names.length > 0 ? names : undefined;
  });
}

/** What an expression is on the engine's thread, when that has heard of its first mount. */
async function seenByEngine(child: DrivenProcess, expression: string): Promise<unknown> {
  const report = join(tempDir(), "report.json");
  const module = join(tempDir(), "store.mjs");
  writeFileSync(
    module,
    `import { writeFileSync } from "node:fs";
    import module from "node:module";
    export default (file) => {
      writeFileSync(file, JSON.stringify(${expression}));
      throw new Error("seen");
    };`,
  );
  const mounting = child.call("mount", { store: { module, options: report } });
  await expect(within("mount", mounting)).rejects.toThrow("seen");
  return JSON.parse(readFileSync(report, "utf8"));
}

describe("a start", () => {
  it("loads no classes of the web, on either thread", async () => {
    const child = program();
    const ofEngine = (await seenByEngine(child, "process.moduleLoadList")) as string[];
    const ofCaller = (await child.call("loaded")) as string[];
    for (const loaded of [ofEngine, ofCaller]) {
      expect(loaded).toContain("NativeModule worker_threads");
      expect(loaded).not.toContain(WEB_CLASSES);
    }
  });

  it("loads none for requests, either", async () => {
    const child = program();
    // Nobody listens there, so the first request fails at once.
    const store = { accessKeyId: "id", secretAccessKey: "secret" };
    const url = "s3://bucket/app.db?endpoint=http://127.0.0.1:1";
    const mounting = child.call("mount", { url, storeOptions: store, requestTimeoutMs: 1 });
    await expect(within("mount", mounting)).rejects.toThrow("app.db");
    const loaded = (await seenByEngine(child, "process.moduleLoadList")) as string[];
    expect(loaded).toContain("NativeModule _http_client");
    expect(loaded).not.toContain(WEB_CLASSES);
  });
});

describe("compiled code", () => {
  it("is kept by the engine where the program keeps its own", async () => {
    const child = program();
    const folder = await child.call("compileCache", tempDir());
    expect(await seenByEngine(child, "module.getCompileCacheDir()")).toBe(folder);
  });

  it("is kept nowhere by itself", async () => {
    expect(await seenByEngine(program(), "module.getCompileCacheDir() ?? null")).toBeNull();
  });
});

describe("a thread that uses the engine of another", () => {
  it("is answered, and told of what happens to its mount alone", async () => {
    const child = program();
    await child.call("thread", "owner", { type: "mount", options: writing("theirs") });
    const name = await within("mount", child.call("mount", writing("ours")));
    await child.call("listen", name);
    for (const each of ["theirs", "ours"]) {
      await child.call("exec", each, "create table item(text)");
      await child.call("query", each, "pragma headwater_sync");
    }
    expect(await heardBy(child)).toEqual(["ours"]);
    await within("close", child.call("close", name));
    // Its thread would go on.
    await child.kill();
  });

  it("mounts beside the thread that has started it", async () => {
    const child = program();
    const name = await child.call("mount", writing("ours"));
    await child.call("listen", name);
    await child.call("thread", "second", { type: "mount", options: writing("theirs") });
    for (const each of ["theirs", "ours"]) {
      await child.call("exec", each, "create table item(text)");
      await child.call("query", each, "pragma headwater_sync");
    }
    expect(await heardBy(child)).toEqual(["ours"]);
    await child.kill();
  });

  it("brings everybody's commits into the bucket when it ends the process", async () => {
    const child = program();
    const options = writing("app.db");
    await child.call("thread", "owner", { type: "mount", options });
    await child.call("exec", "app.db", "create table item(text); insert into item values ('kept')");
    void child.call("exit", 0).catch(() => {});
    expect(await within("exit", child.ended)).toMatchObject({ code: 0, stderr: "" });
    const { database } = await openWriter({ url: options.url, mustExist: true });
    expect(database.prepare("select text from item").pluck().all()).toEqual(["kept"]);
  });

  it("has no hand in what the next engine mounts by its old handles", async () => {
    const child = program();
    await child.call("thread", "owner", { type: "mount", options: writing("first") });
    const options = writing("again");
    await child.call("mount", options);
    await child.call("keep", "again", "old");
    await child.call("listen", "old");
    await within("termination", child.call("terminate", "owner"));
    await within("mount", child.call("mount", writing("other")));
    await within("mount", child.call("mount", { ...options, name: "again" }));
    for (const operation of ["flush", "status", "demote", "close"]) {
      const call = within(operation, child.call(operation, "old"));
      await expect(call).rejects.toMatchObject({ code: "ENGINE_STOPPED" });
    }
    await child.call("exec", "again", "create table item(text)");
    await within("flush", child.call("flush", "again"));
    expect(await child.call("heard")).toEqual([]);
    await child.call("close", "again");
    await child.call("mount", { ...options, name: "again" });
    await child.call("keep", "again", "closed");
    await child.call("close", "closed");
    await child.call("mount", { ...options, name: "again" });
    await expect(child.call("status", "closed")).rejects.toMatchObject({ code: "CLOSED" });
    await child.kill();
  });

  it("starts one of its own when that has ended", async () => {
    const child = program();
    await child.call("thread", "owner", { type: "mount", options: writing("first") });
    await child.call("mount", writing("second"));
    await within("termination", child.call("terminate", "owner"));
    const name = await within("mount", child.call("mount", writing("third")));
    await child.call("listen", name);
    await child.call("exec", name, "create table item(text)");
    await within("flush", child.call("flush", name));
    expect(await heardBy(child)).toEqual([name]);
    child.hangUp();
    expect(await within("exit", child.ended)).toMatchObject({ code: 0 });
  });
});
