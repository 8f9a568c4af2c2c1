/**
 * The recipe of a function of AWS Lambda, bundled by its own command and run behind the runtime
 * API, by processes that are really stopped between two requests.
 */

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { startRelay } from "@headwater/servers";
import { expect, it, vi } from "vitest";
import { queryOf } from "./support/dump.ts";
import { eventually } from "./support/eventually.ts";
import { FunctionError, LambdaEnvironment } from "./support/lambda-environment.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { programEnvironment } from "./support/program-environment.ts";
import { programFolder, type Recipe, readRecipe } from "./support/recipe.ts";
import { type SlowStore, slowStore } from "./support/slow-store.ts";
import { tempDir } from "./support/temp-dir.ts";

// Each environment is a process of its own, and some wait for the lease of a dead one.
vi.setConfig({ testTimeout: 300_000 });

const TTL = "ttlMs: 10_000";
const recipe = readRecipe("lambda");

/** It comes with the bundler of this repository. */
const ESBUILD = (() => {
  const bundler = createRequire(createRequire(import.meta.url).resolve("tsup/package.json"));
  return bundler.resolve("esbuild/bin/esbuild");
})();

/** A shorter lease, so that the tests need not wait for ten seconds. */
function withShortLease({ files, commands }: Recipe): Recipe {
  const text = files.get("write.ts") ?? "";
  expect(text).toContain(TTL);
  return { commands, files: new Map(files).set("write.ts", text.replace(TTL, "ttlMs: 6_000")) };
}

/** What the recipe's command says beside the file that it bundles. */
function bundleFlags(): string[] {
  const [command = ""] = recipe.commands;
  const [npx, esbuild, entry, ...flags] = command.split(/\s+/);
  expect([npx, esbuild, entry]).toEqual(["npx", "esbuild", "write.ts"]);
  return [...flags, "--log-level=error"];
}

/** The folder of the function that the recipe's command makes of this file. */
function bundle(file: string, from = recipe, flags: readonly string[] = bundleFlags()): string {
  const cwd = programFolder(withShortLease(from));
  execFileSync(ESBUILD, [file, ...flags], { cwd });
  return join(cwd, "function");
}

async function needStore(): Promise<SlowStore> {
  const store = await slowStore("functions of AWS Lambda");
  if (store === undefined) throw new Error("miniflare is a dev dependency and must start");
  return store;
}

function start({ options }: SlowStore, root: string): Promise<LambdaEnvironment> {
  const env = programEnvironment(options);
  return LambdaEnvironment.start({ root, handler: "index.handler", env, tmp: tempDir() });
}

function withEndpoint(store: SlowStore, endpoint: string): SlowStore {
  const { url, storeOptions } = store.options;
  return { ...store, options: { url, storeOptions: { ...storeOptions, endpoint } } };
}

interface Answer {
  readonly statusCode: number;
  readonly body: Record<string, unknown>;
}

async function invoke(environment: LambdaEnvironment, body = ""): Promise<Answer> {
  const answer = (await environment.invoke({ body })) as { statusCode: number; body: string };
  expect(environment.isFrozen).toBe(true);
  return { ...answer, body: JSON.parse(answer.body) as Record<string, unknown> };
}

async function beginNotes({ options }: SlowStore): Promise<void> {
  const writer = await openWriter(options);
  writer.database.exec("create table notes(id integer primary key, body text)");
  await writer.close();
}

/** As somebody sees them who only has the bucket. */
async function notesOf({ options }: SlowStore): Promise<string[]> {
  const reader = await openReader(options);
  const rows = queryOf(reader.database)("select body from notes order by id");
  await reader.close();
  return (rows as string[][]).map(([body = ""]) => body);
}

it("a function that reads shows what the bucket had when it was asked", async () => {
  const store = await needStore();
  await beginNotes(store);
  const root = bundle("read.ts");
  const { endpoint = "" } = store.options.storeOptions ?? {};
  await using relay = await startRelay(endpoint);
  const { origin } = new URL(endpoint);
  const throughRelay = withEndpoint(store, endpoint.replace(origin, relay.endpoint));
  const environments = [await start(throughRelay, root), await start(throughRelay, root)];
  const writer = await openWriter(store.options);
  for (let id = 1; id <= 4; id += 1) {
    writer.database.exec(`insert into notes(body) values ('${id}')`);
    const txid = String(await writer.flush());
    // Connections that were idle are gone when a function is thawed.
    expect(relay.connectionCount).toBeGreaterThan(0);
    relay.cut();
    for (const environment of environments) {
      const { body } = await invoke(environment);
      expect(body).toMatchObject({ txid });
      expect((body.notes as unknown[]).at(-1)).toEqual({ id, body: String(id) });
    }
  }
});

it("a function that has this package in its bundle says what is wrong", async () => {
  const store = await needStore();
  const external = "--external:@headwater/node-binding";
  expect(bundleFlags()).toContain(external);
  const flags = bundleFlags().filter((flag) => flag !== external);
  const root = bundle("read.ts", recipe, [...flags, "--conditions=@headwater/source"]);
  await expect(start(store, root)).rejects.toThrow(
    /^there is no headwater\.node in .*; keep @headwater\/node-binding in node_modules, outside of/,
  );
});

it("functions that write take turns, and what they answered for is in the bucket", async () => {
  const store = await needStore();
  await beginNotes(store);
  const root = bundle("write.ts");
  const environments = [await start(store, root), await start(store, root)];
  for (const body of ["a", "b", "c", "d", "e", "f"]) {
    const environment = environments[body.charCodeAt(0) % 2] as LambdaEnvironment;
    expect(await invoke(environment, body)).toMatchObject({ statusCode: 201 });
    expect((await notesOf(store)).at(-1)).toBe(body);
  }
  // At the same time, too.
  await Promise.all(environments.map((environment, index) => invoke(environment, `x${index}`)));
  expect((await notesOf(store)).slice(-2).sort()).toEqual(["x0", "x1"]);
  // Nobody has to wait, as nobody has kept the lease.
  const writer = await openWriter({ ...store.options, mustExist: true });
  await writer.close();
});

/** Stops answering for a moment when the invocation has asked the store so many times. */
async function interrupted(
  store: SlowStore,
  environment: LambdaEnvironment,
  { body, requests }: { readonly body: string; readonly requests: number },
): Promise<{ readonly isInTime: boolean; readonly answer: Promise<unknown> }> {
  store.delay(150);
  const before = store.requestCount();
  let isOver = false;
  const answer = environment.invoke({ body }).finally(() => {
    isOver = true;
  });
  answer.catch(() => {});
  await eventually("so many requests", () =>
    isOver || store.requestCount() >= before + requests ? true : undefined,
  );
  const isInTime = !isOver;
  return { isInTime, answer };
}

it("a function that is frozen with the lease writes no more once another has written", async () => {
  const store = await needStore();
  await beginNotes(store);
  const giveBack = "await hw.demote();";
  expect(recipe.files.get("write.ts")).toContain(giveBack);
  const keeps = new Map(recipe.files).set(
    "write.ts",
    (recipe.files.get("write.ts") ?? "").replace(giveBack, "await hw.flush();"),
  );
  const keeper = await start(store, bundle("write.ts", { ...recipe, files: keeps }));
  expect(await invoke(keeper, "while it has it")).toMatchObject({ statusCode: 201 });
  const other = await start(store, bundle("write.ts"));
  expect(await invoke(other, "from another")).toMatchObject({ statusCode: 201 });
  await expect(invoke(keeper, "too late")).rejects.toBeInstanceOf(FunctionError);
  expect(await notesOf(store)).toEqual(["while it has it", "from another"]);
  expect(await invoke(keeper, "begun anew")).toMatchObject({ statusCode: 201 });
});

it("a function that is frozen in the middle of a request answers for nothing lost", async () => {
  const store = await needStore();
  await beginNotes(store);
  const root = bundle("write.ts");
  const [frozen, other] = [await start(store, root), await start(store, root)];
  let refused = 0;
  for (let requests = 1; ; requests += 4) {
    const body = `frozen at request ${requests}`;
    const { isInTime, answer } = await interrupted(store, frozen, { body, requests });
    if (isInTime) frozen.freeze();
    store.thaw();
    await invoke(other, `after ${body}`);
    frozen.thaw();
    const isAnswered = await answer.then(
      () => true,
      (error) => {
        expect(error).toBeInstanceOf(FunctionError);
        refused += 1;
        return false;
      },
    );
    const notes = await notesOf(store);
    if (isAnswered) expect(notes).toContain(body);
    expect(notes.filter((note) => note === body).length).toBeLessThan(2);
    expect(await invoke(frozen, `again ${requests}`)).toMatchObject({ statusCode: 201 });
    expect((await notesOf(store)).at(-1)).toBe(`again ${requests}`);
    if (!isInTime) break;
  }
  expect(refused).toBeGreaterThan(0);
});

it("a function that is killed in the middle of a request only holds the next one up", async () => {
  const store = await needStore();
  await beginNotes(store);
  const root = bundle("write.ts");
  for (let requests = 2; ; requests += 4) {
    const body = `killed at request ${requests}`;
    const killed = await start(store, root);
    const { isInTime, answer } = await interrupted(store, killed, { body, requests });
    await killed.kill();
    store.thaw();
    const isAnswered = await answer.then(
      () => true,
      () => false,
    );
    const next = await start(store, root);
    expect(await invoke(next, `after ${body}`)).toMatchObject({ statusCode: 201 });
    await next.kill();
    const notes = await notesOf(store);
    expect(notes.at(-1)).toBe(`after ${body}`);
    if (isAnswered) expect(notes).toContain(body);
    if (!isInTime) break;
  }
});
