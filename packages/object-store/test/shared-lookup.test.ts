import dns, { type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { openS3Store } from "@headwater/object-store/s3";
import { afterEach, expect, it, vi } from "vitest";
import { sharedLookup } from "../src/shared-lookup.ts";
import { CREDENTIALS } from "./scripted-s3.ts";
import { startScriptedServer } from "./scripted-server.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

type Found = string | readonly LookupAddress[];

function ask(lookup: LookupFunction, name: string, options = {}): Promise<Found> {
  return new Promise((resolve, reject) => {
    lookup(name, { all: true, ...options }, (error, found) => {
      if (error) reject(error);
      else resolve(found);
    });
  });
}

/** What the system says of every name. */
function answerWith(addresses: readonly LookupAddress[] | Error, delayMs = 0) {
  const asked: string[] = [];
  type Done = (error: Error | null, addresses?: readonly LookupAddress[]) => void;
  const lookup = (name: string, _options: unknown, done: Done) => {
    asked.push(name);
    setTimeout(() => {
      if (addresses instanceof Error) done(addresses);
      else done(null, addresses);
    }, delayMs);
  };
  vi.spyOn(dns, "lookup").mockImplementation(lookup as never);
  return asked;
}

const A = { address: "192.0.2.1", family: 4 };
const B = { address: "192.0.2.2", family: 4 };
const V6 = { address: "2001:db8::1", family: 6 };

it("asks once for all that want the same name at the same time", async () => {
  const asked = answerWith([A]);
  const lookup = sharedLookup();
  await Promise.all(["one", "one", "two", "one"].map((name) => ask(lookup, name)));
  expect(asked.sort()).toEqual(["one", "two"]);
  await ask(lookup, "one");
  expect(asked).toHaveLength(3);
  await Promise.all([ask(lookup, "one", { family: 4 }), ask(lookup, "one", { family: 6 })]);
  expect(asked).toHaveLength(5);
});

it("spreads them over the addresses of a name, without a change of the family", async () => {
  answerWith([A, B, V6]);
  const lookup = sharedLookup();
  const found = await Promise.all([1, 2, 3].map(() => ask(lookup, "one")));
  expect(found).toEqual([
    [A, B, V6],
    [B, A, V6],
    [A, B, V6],
  ]);
});

it("gives one address where one is wanted", async () => {
  answerWith([A, B]);
  const lookup = sharedLookup();
  const found = await Promise.all([1, 2].map(() => ask(lookup, "one", { all: false })));
  expect(found).toEqual([A.address, B.address]);
});

it("tells all of them what went wrong", async () => {
  answerWith(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }));
  const lookup = sharedLookup();
  const asking = [1, 2].map(() => ask(lookup, "one"));
  for (const one of asking) await expect(one).rejects.toMatchObject({ code: "ENOTFOUND" });
});

it("is what the connections of a store ask", async () => {
  const object = { status: 200, headers: { etag: '"v"' }, body: "x", delayMs: 20 };
  await using server = await startScriptedServer(() => object);
  const asked = answerWith([{ address: "127.0.0.1", family: 4 }], 100);
  await using store = await openS3Store({
    bucket: "bucket",
    endpoint: server.endpoint.replace("127.0.0.1", "store.test"),
    region: "us-east-1",
    credentials: CREDENTIALS,
  });
  await Promise.all(Array.from({ length: 30 }, () => store.get("k")));
  expect(server.connectionCount()).toBe(30);
  expect(asked).toEqual(["store.test"]);
});
