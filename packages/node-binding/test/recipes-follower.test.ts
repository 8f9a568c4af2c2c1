/** The recipe of a web server that follows: a process of its own, and a writer elsewhere. */

import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { expect, it, vi } from "vitest";
import { eventually, within } from "./support/eventually.ts";
import { openWriter } from "./support/mounts.ts";
import { programEnvironment } from "./support/program-environment.ts";
import { programFolder, readRecipe } from "./support/recipe.ts";
import { type SlowStore, slowStore } from "./support/slow-store.ts";
import { WebProgram } from "./support/web-program.ts";

// Each server is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const recipe = readRecipe("follower-web-server");

async function needStore(): Promise<SlowStore> {
  const store = await slowStore("a web server that follows");
  if (store === undefined) throw new Error("miniflare is a dev dependency and must start");
  return store;
}

async function beginNotes(store: SlowStore) {
  const writer = await openWriter(store.options);
  writer.database.exec("create table notes(id integer primary key, body text)");
  await writer.flush();
  const add = async (body: string) => {
    writer.database.prepare("insert into notes(body) values (?)").run(body);
    return writer.flush();
  };
  return { add };
}

function start(store: SlowStore, env: Record<string, string> = {}): Promise<WebProgram> {
  const cwd = programFolder(recipe);
  const environment = { ...programEnvironment(store.options), ...env };
  return WebProgram.start(join(cwd, "server.ts"), { cwd, env: environment });
}

/** Resolves when the server has the request; its answer may take its time. */
async function beginRequest(url: string): Promise<{ readonly answer: Promise<unknown> }> {
  const sent = request(url, { headers: { expect: "100-continue" }, agent: false });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  const answer = answered.then(([response]) => json(response));
  sent.flushHeaders();
  await once(sent, "continue");
  sent.end();
  return { answer };
}

it("shows what was written elsewhere, to who asks for it without delay", async () => {
  const store = await needStore();
  const { add } = await beginNotes(store);
  const server = await start(store);
  expect(await server.json("/")).toEqual([]);
  for (const body of ["first", "second", "third"]) {
    const txid = await add(body);
    const notes = (await server.json(`/?after=${txid}`)) as unknown as { body: string }[];
    expect(notes.at(-1)).toMatchObject({ body });
  }
  const answers = ["/?after=x", "/?after=-1", "/?after=99999"].map((path) => server.fetch(path));
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  expect(statuses).toEqual([400, 400, 503]);
});

it("tells how old its state is, and reads on while the store is away", async () => {
  const store = await needStore();
  const { add } = await beginNotes(store);
  const txid = await add("here");
  const server = await start(store, { LAG_MS_MAX: "3000" });
  await eventually("the local copy is complete", async () => {
    const answer = await server.fetch("/health");
    const { hydrated, txid: seen } = (await answer.json()) as Record<string, unknown>;
    return answer.status === 200 && hydrated && seen === String(txid) ? true : undefined;
  });
  store.freeze();
  await eventually("it calls itself too old", async () => {
    const { status } = await server.fetch("/health");
    return status === 503 ? true : undefined;
  });
  expect(await server.json("/")).toEqual([{ id: 1, body: "here" }]);
  store.thaw();
});

it("answers what is under way when it is told to stop, and ends by itself", async () => {
  const store = await needStore();
  const { add } = await beginNotes(store);
  const server = await start(store);
  const next = (await add("before")) + 1n;
  await server.json(`/?after=${next - 1n}`);
  const waiting = await beginRequest(`${server.url}/?after=${next}`);
  server.kill("SIGTERM");
  await eventually("it takes no more", async () =>
    server.fetch("/health").then(
      () => undefined,
      () => true,
    ),
  );
  await add("after");
  expect(await waiting.answer).toMatchObject([{ body: "before" }, { body: "after" }]);
  expect(await within("the end", server.ended)).toMatchObject({ code: 0, signal: null });
});
