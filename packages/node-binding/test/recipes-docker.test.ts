/**
 * The recipe of a container, without Docker: its program as a user without name and home, as the
 * first process of a namespace where one can be made, with one volume that outlives it.
 */

import { spawnSync } from "node:child_process";
import { chownSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { eventually, within } from "./support/eventually.ts";
import { openReader, openWriter } from "./support/mounts.ts";
import { programEnvironment } from "./support/program-environment.ts";
import { programFolder, type Recipe, readRecipe } from "./support/recipe.ts";
import { type SlowStore, slowStore } from "./support/slow-store.ts";
import { tempDir } from "./support/temp-dir.ts";
import { WebProgram } from "./support/web-program.ts";

// Each container is a process of its own, and some wait for the lease of a dead one.
vi.setConfig({ testTimeout: 180_000 });

const WAIT = "lease: { waitMs: 60_000 }";
const NOBODY = 12_345;
const isRoot = process.getuid?.() === 0;
const recipe = readRecipe("docker");

/** A first process of its own, and a root that nobody can write to but for the volume and /tmp. */
const NAMESPACE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
const AS_IN_DOCKER = `
  mount --make-rprivate / &&
  mount --bind "$VOLUME" "$VOLUME" && mount --bind "$TMPDIR" "$TMPDIR" &&
  mount -o remount,bind,ro / && unset VOLUME &&
  exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups "$@"`;

/** Why this machine makes no namespaces, or undefined. */
function namespaceProblem(): string | undefined {
  if (!isRoot) return "only root may make namespaces";
  const [unshare = "", ...flags] = NAMESPACE;
  const script = "mount --make-rprivate / && mount -o remount,bind,ro / && setpriv --version";
  const { status } = spawnSync(unshare, [...flags, "sh", "-c", script]);
  return status === 0 ? undefined : "this machine lets nobody make namespaces";
}

interface Container {
  readonly store: SlowStore;
  readonly cwd: string;
  /** What is at /var/lib/app. */
  readonly volume: string;
  readonly tmp: string;
}

/** A shorter lease, so that the tests need not wait for half a minute. */
function withShortLease({ files, commands }: Recipe): Recipe {
  const text = files.get("server.ts") ?? "";
  expect(text).toContain(WAIT);
  const short = text.replace(WAIT, "lease: { ttlMs: 8_000, waitMs: 60_000 }");
  return { commands, files: new Map(files).set("server.ts", short) };
}

async function makeContainer(): Promise<Container> {
  const store = await slowStore("a writer in a container");
  if (store === undefined) throw new Error("miniflare is a dev dependency and must start");
  const cwd = programFolder(withShortLease(recipe));
  const [volume, tmp] = [tempDir(), tempDir()];
  if (isRoot) for (const path of [volume, tmp]) chownSync(path, NOBODY, NOBODY);
  return { store, cwd, volume, tmp };
}

interface RunOptions {
  /** By what starts it as Docker would; without, it is a process among others. */
  readonly launcher?: readonly string[];
}

function run(container: Container, { launcher }: RunOptions = {}): Promise<WebProgram> {
  const { store, cwd, volume, tmp } = container;
  const folders = { VOLUME: volume, JOURNAL_DIR: join(volume, "journal"), TMPDIR: tmp };
  return WebProgram.start(join(cwd, "server.ts"), {
    cwd,
    env: { ...programEnvironment(store.options), ...folders },
    uid: isRoot && launcher === undefined ? NOBODY : undefined,
    launcher,
  });
}

const post = (body: string): RequestInit => ({ method: "POST", body });

async function notesOf({ options }: SlowStore): Promise<unknown[]> {
  const reader = await openReader(options);
  const notes = reader.database.prepare("select body from notes order by id").pluck().all();
  await reader.close();
  return notes;
}

it("stopped by SIGTERM it has everything in the bucket, and leaves an empty volume", async () => {
  const container = await makeContainer();
  const { store, volume, tmp } = container;
  const server = await run(container);
  for (const body of ["a", "b", "c"])
    expect((await server.fetch("/", post(body))).status).toBe(201);
  expect((await server.fetch("/health")).status).toBe(200);
  expect(existsSync(join(volume, "journal"))).toBe(true);
  server.kill("SIGTERM");
  expect(await within("the end", server.ended)).toMatchObject({ signal: "SIGTERM" });
  expect(await notesOf(store)).toEqual(["a", "b", "c"]);
  // One that waits for no lease: it was given back.
  const writer = await openWriter({ ...store.options, mustExist: true });
  await writer.close();
  expect([readdirSync(volume), readdirSync(tmp)]).toEqual([[], []]);
});

it("SIGTERM ends it as the first process of a container, on a read-only root", async (context) => {
  const problem = namespaceProblem();
  context.skip(problem !== undefined, problem);
  const container = await makeContainer();
  const { store, volume, tmp } = container;
  for (const body of ["a", "b"]) {
    const launcher = [...NAMESPACE, "sh", "-c", AS_IN_DOCKER, "sh"];
    const server = await run(container, { launcher });
    expect((await server.fetch("/", post(body))).status).toBe(201);
    server.kill("SIGTERM");
    // As Docker tells it of what SIGTERM has ended.
    expect(await within("the end", server.ended)).toMatchObject({ code: 143, signal: null });
    expect([readdirSync(volume), readdirSync(tmp)]).toEqual([[], []]);
  }
  expect(await notesOf(store)).toEqual(["a", "b"]);
});

it("killed with commits that the bucket lacks, it has them again with its volume", async () => {
  const container = await makeContainer();
  const { store } = container;
  const expected: string[] = [];
  for (const body of ["a", "b"]) {
    const server = await run(container);
    store.freeze();
    expect((await server.fetch("/", post(body))).status).toBe(201);
    expected.push(body);
    server.kill("SIGKILL");
    await server.ended;
    store.thaw();
    expect(existsSync(join(container.volume, "journal"))).toBe(true);
  }
  const server = await run(container);
  const notes = (await server.json("/")) as unknown as { body: string }[];
  expect(notes.map(({ body }) => body)).toEqual(expected);
  server.kill("SIGTERM");
  await within("the end", server.ended);
  expect(await notesOf(store)).toEqual(expected);
});

it("frozen until another one writes, it ends, and the next one begins where that is", async () => {
  const container = await makeContainer();
  const { store } = container;
  const frozen = await run(container);
  expect((await frozen.fetch("/", post("before"))).status).toBe(201);
  await eventually("it is in the bucket", async () => {
    const notes = await notesOf(store).catch((): unknown[] => []);
    return notes.includes("before") ? true : undefined;
  });
  frozen.kill("SIGSTOP");
  const other = await openWriter({ ...store.options, lease: { waitMs: 60_000 } });
  other.database.exec("insert into notes(body) values ('between')");
  await other.close();
  frozen.kill("SIGCONT");
  expect(await within("the end", frozen.ended)).toMatchObject({ code: 1, signal: null });
  const next = await run(container);
  expect((await next.fetch("/", post("after"))).status).toBe(201);
  next.kill("SIGTERM");
  await within("the end", next.ended);
  expect(await notesOf(store)).toEqual(["before", "between", "after"]);
});

it("the Dockerfile's health check asks the program as it is", async () => {
  const container = await makeContainer();
  const server = await run(container);
  const [, code = ""] = /"-e", \\\n {2}"(.*)"\]$/m.exec(recipe.files.get("Dockerfile") ?? "") ?? [];
  expect(code).toContain("http://127.0.0.1:8080/health");
  const check = (url: string) => {
    const asked = code.replace("http://127.0.0.1:8080", url);
    return spawnSync(process.execPath, ["-e", asked], { timeout: 20_000 }).status;
  };
  expect(check(server.url)).toBe(0);
  server.kill("SIGKILL");
  await server.ended;
  expect(check(server.url)).toBe(1);
});

it("the Dockerfile has the journal below its volume, which is the user's", () => {
  const text = recipe.files.get("Dockerfile") ?? "";
  const [, journal = ""] = /JOURNAL_DIR=(\S+)/.exec(text) ?? [];
  const [, volume = ""] = /^VOLUME (\S+)$/m.exec(text) ?? [];
  expect(journal.startsWith(`${volume}/`)).toBe(true);
  expect(text).toContain(`--owner=node --group=node ${volume}\n`);
  expect(text.indexOf("\nUSER node\n")).toBeGreaterThan(0);
});
