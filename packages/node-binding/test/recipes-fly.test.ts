/**
 * The recipe of Fly.io: its program in several regions, behind what Fly's proxy does, on a store
 * that is told apart from Tigris by its address only.
 */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { startLatencyProxy } from "@headwater/servers";
import { useServer } from "@headwater/servers/testing";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { within } from "./support/eventually.ts";
import { FlyProxy } from "./support/fly-proxy.ts";
import { openWriter } from "./support/mounts.ts";
import { programEnvironment } from "./support/program-environment.ts";
import { programFolder, readRecipe } from "./support/recipe.ts";
import type { Place } from "./support/stores.ts";
import { tempDir } from "./support/temp-dir.ts";
import { WebProgram } from "./support/web-program.ts";

// Each machine is a process of its own, and takes its time on a busy one.
vi.setConfig({ testTimeout: 180_000 });

const server = await useServer("ceph", "machines of Fly.io");
const recipe = readRecipe("fly");
const PRIMARY = "ams";
const NEVER_MS = 1_000_000_000;

function makePlace(): Place["options"] {
  if (!server.available) throw new Error(server.reason);
  const { bucket, endpoint, accessKeyId, secretAccessKey, region } = server.connection;
  const url = `tigris://${bucket}/${randomUUID()}/app.db?forcePathStyle=true`;
  return { url, storeOptions: { endpoint, accessKeyId, secretAccessKey, region } };
}

function startMachine(region: string, place: Place["options"]): Promise<WebProgram> {
  const cwd = programFolder(recipe);
  const regions = { FLY_REGION: region, PRIMARY_REGION: PRIMARY };
  const env = { ...programEnvironment(place), ...regions, TMPDIR: tempDir() };
  return WebProgram.start(join(cwd, "server.ts"), { cwd, env });
}

const bodies = (text: string) => (JSON.parse(text) as { body: string }[]).map(({ body }) => body);
const post = (body: string): RequestInit => ({ method: "POST", body });
const cookieOf = (headers: Headers) => (headers.get("set-cookie") ?? "").split(";")[0] as string;

describe.skipIf(!server.available)("the recipe of Fly.io", () => {
  it("names what Fly reads", () => {
    const toml = recipe.files.get("fly.toml") ?? "";
    const lines = toml.split("\n").filter((line) => line !== "");
    for (const line of lines)
      expect(line).toMatch(/^(#|\[\w+\]$|\s*\w+ = ("[^"]*"|\d+|true|false)$)/);
    expect(toml).toContain(`primary_region = "${PRIMARY}"`);
  });

  it("a write goes to the writer, and its client sees it in every region", async () => {
    const place = makePlace();
    const fly = new FlyProxy();
    // The reader is first, and waits until there is something to read.
    const reader = startMachine("iad", place);
    fly.setMachine(PRIMARY, await startMachine(PRIMARY, place));
    fly.setMachine("iad", await reader);
    for (const body of ["one", "two", "three"]) {
      const written = await fly.fetch("iad", "/", post(body));
      expect(written).toMatchObject({ status: 201, regions: ["iad", PRIMARY] });
      const headers = { cookie: `other=1; ${cookieOf(written.headers)}` };
      const read = await fly.fetch("iad", "/", { headers });
      expect(read).toMatchObject({ status: 200, regions: ["iad"] });
      expect(read.headers.get("x-region")).toBe("iad");
      expect(bodies(read.body).at(-1)).toBe(body);
    }
  });

  it("a reader that is cut off lets the writer answer who has just written", async () => {
    if (!server.available) throw new Error(server.reason);
    const { endpoint } = server.connection;
    const proxy = await startLatencyProxy({ target: endpoint, latencyMs: 0 });
    onTestFinished(() => proxy.stop());
    const place = makePlace();
    const slow = { ...place, storeOptions: { ...place.storeOptions, endpoint: proxy.endpoint } };
    const fly = new FlyProxy();
    fly.setMachine(PRIMARY, await startMachine(PRIMARY, place));
    const { headers: first } = await fly.fetch(PRIMARY, "/", post("before"));
    fly.setMachine("syd", await startMachine("syd", slow));
    const cookie = cookieOf(first);
    expect((await fly.fetch("syd", "/", { headers: { cookie } })).regions).toEqual(["syd"]);
    proxy.latencyMs = NEVER_MS;
    const { headers } = await fly.fetch("syd", "/", post("after"));
    const answer = await fly.fetch("syd", "/", { headers: { cookie: cookieOf(headers) } });
    expect(answer.regions).toEqual(["syd", PRIMARY]);
    expect(bodies(answer.body)).toEqual(["before", "after"]);
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "a writer that is stopped by %s leaves all to the next one, which need not wait",
    async (signal) => {
      const place = makePlace();
      const first = await startMachine(PRIMARY, place);
      const posted = Array.from({ length: 20 }, (_, index) =>
        first.fetch("/", post(String(index))).then(
          ({ status }) => (status === 201 ? String(index) : undefined),
          () => undefined,
        ),
      );
      await Promise.race(posted);
      first.kill(signal);
      const answered = (await Promise.all(posted)).filter((body) => body !== undefined);
      expect(answered.length).toBeGreaterThan(0);
      expect(await within("the end", first.ended)).toMatchObject({ signal });
      // One that waits for no lease: it was given back.
      const writer = await openWriter({ ...place, mustExist: true });
      const stored = writer.database.prepare("select body from notes").pluck().all();
      expect(stored).toEqual(expect.arrayContaining(answered));
      await writer.close();
      const next = await startMachine(PRIMARY, place);
      expect((await next.fetch("/", post("next"))).status).toBe(201);
      expect(next.output).toMatch(/^listening on port \d+\n$/);
    },
  );
});
