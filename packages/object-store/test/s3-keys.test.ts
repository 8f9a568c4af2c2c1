/** Computed keys that end: too early for their word, or while new ones cannot be had. */

import { retrying } from "@headwater/object-store";
import { openS3Store, type S3Credentials } from "@headwater/object-store/s3";
import { describe, expect, it } from "vitest";
import { create, failureOf, get } from "./scripted-s3.ts";
import { errorAnswer, type SeenRequest, startScriptedServer } from "./scripted-server.ts";

const idOf = ({ headers }: SeenRequest) =>
  /Credential=(\w+)\//.exec(headers.authorization ?? "")?.[1];

/** Keys with the ids ID1, ID2 and so on, of which the store takes some. */
async function withKeys(
  compute: (call: number) => Omit<S3Credentials, "secretAccessKey">,
  isGood: (id: string) => boolean,
  work: (store: Awaited<ReturnType<typeof openS3Store>>, ids: () => unknown[]) => Promise<void>,
  nowMs?: () => number,
): Promise<void> {
  await using server = await startScriptedServer((request) =>
    isGood(idOf(request) ?? "")
      ? { status: 200, headers: { etag: '"v"' } }
      : errorAnswer(400, "ExpiredToken", { date: new Date().toUTCString() }),
  );
  let calls = 0;
  const clock = nowMs && {
    nowMs,
    monotonicMs: () => performance.now(),
    sleep: async () => undefined,
  };
  await using store = await openS3Store({
    bucket: "bucket",
    endpoint: server.endpoint,
    clock,
    credentials: async () => {
      calls += 1;
      return { secretAccessKey: "s", ...compute(calls) };
    },
  });
  await work(store, () => server.seen.map(idOf));
}

describe("keys that the store calls expired", () => {
  it("are computed anew, whether or not they said when they end", async () => {
    let hasExpired = false;
    const compute = (call: number) => ({ accessKeyId: `ID${call}` });
    const isGood = (id: string) => id !== "ID1" || !hasExpired;
    await withKeys(compute, isGood, async (store, ids) => {
      await get(store);
      hasExpired = true;
      const failed = await failureOf(create(store));
      expect(failed.code).toBe("UNAVAILABLE");
      expect(failed.message).toContain("keys for bucket bucket have expired");
      await create(store);
      expect(ids()).toEqual(["ID1", "ID1", "ID2"]);
    });
  });

  it("are replaced below a store that is retrying, for all calls under way", async () => {
    let hasExpired = false;
    const compute = (call: number) => ({ accessKeyId: `ID${call}` });
    const isGood = (id: string) => id !== "ID1" || !hasExpired;
    await withKeys(compute, isGood, async (store) => {
      await using objects = retrying(store, { delayMsMin: 1, delayMsMax: 5 });
      await get(objects);
      hasExpired = true;
      await Promise.all(Array.from({ length: 20 }, () => get(objects)));
    });
  });

  it("end it when the same come again, and are asked for again by the next call", async () => {
    let isOver = false;
    const compute = () => ({ accessKeyId: isOver ? "NEW" : "OLD" });
    await withKeys(
      compute,
      (id) => id === "NEW",
      async (store, ids) => {
        expect((await failureOf(get(store))).code).toBe("UNAVAILABLE");
        expect((await failureOf(get(store))).code).toBe("UNAUTHENTICATED");
        expect((await failureOf(get(store))).code).toBe("UNAUTHENTICATED");
        isOver = true;
        await get(store);
        expect(ids()).toEqual(["OLD", "OLD", "OLD", "NEW"]);
      },
    );
  });
});

describe("keys that are about to end", () => {
  it("are used to their end while new ones cannot be had", async () => {
    const startMs = Date.now();
    let nowMs = startMs;
    let isShut = false;
    const compute = (call: number) => {
      if (isShut) throw new Error("the vault is shut");
      return { accessKeyId: `ID${call}`, expiration: new Date(nowMs + 3_600_000) };
    };
    const work: Parameters<typeof withKeys>[2] = async (store, ids) => {
      await get(store);
      isShut = true;
      nowMs = startMs + 3_600_000 - 60_000;
      for (let call = 0; call < 3; call += 1) await get(store);
      expect(ids()).toEqual(["ID1", "ID1", "ID1", "ID1"]);
      nowMs = startMs + 3_600_000;
      expect((await failureOf(get(store))).code).toBe("UNAVAILABLE");
      isShut = false;
      await get(store);
      expect(new Set(ids()).size).toBe(2);
    };
    await withKeys(
      compute,
      () => true,
      work,
      () => nowMs,
    );
  });
});
