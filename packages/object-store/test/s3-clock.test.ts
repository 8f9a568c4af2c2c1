/** A machine whose clock is wrong, in front of a store that compares it with its own. */

import { type ObjectStore, retrying } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import {
  type Call,
  create,
  failureOf,
  get,
  head,
  list,
  listAnswer,
  put,
  remove,
  removeMany,
  type Script,
  withServer,
} from "./scripted-s3.ts";
import { type Answer, errorAnswer, type SeenRequest } from "./scripted-server.ts";

const MINUTE_MS = 60_000;
const DELETED = '<?xml version="1.0"?><DeleteResult></DeleteResult>';

function signedAtMs({ headers }: SeenRequest): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers["x-amz-date"])) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** As AWS: what was signed a quarter of an hour away from its own clock is refused. */
function serverAhead(byMs: number, { tellsDate = true } = {}): Script {
  return (request) => {
    const nowMs = Date.now() + byMs;
    const date: Record<string, string> = { date: new Date(nowMs).toUTCString() };
    if (!tellsDate) date.date = "";
    if (Math.abs(signedAtMs(request) - nowMs) > 15 * MINUTE_MS) {
      // The answer to a HEAD has no body to say why.
      if (request.method === "HEAD") return { status: 403, headers: date };
      return errorAnswer(403, "RequestTimeTooSkewed", date);
    }
    const answer: Answer =
      request.method === "POST"
        ? { status: 200, headers: { "content-type": "application/xml" }, body: DELETED }
        : request.query.has("list-type")
          ? listAnswer(["p/a"])
          : { status: request.method === "DELETE" ? 204 : 200, body: "" };
    return { ...answer, headers: { ...answer.headers, etag: '"v"', ...date } };
  };
}

const CALLS: readonly (readonly [string, Call])[] = [
  ["get", get],
  ["head", head],
  ["put", put],
  ["create", create],
  ["delete", remove],
  ["deleteMany", removeMany],
  ["list", list],
];

describe("a clock that is 20 minutes off", () => {
  it.each(
    CALLS.flatMap(([name, call]) => [
      [name, "behind", 20 * MINUTE_MS, call] as const,
      [name, "ahead", -20 * MINUTE_MS, call] as const,
    ]),
  )(
    "costs the first %s one more request when it is %s, and later ones nothing",
    async (_name, _side, byMs, call) => {
      await withServer(serverAhead(byMs), {}, async (plain, seen) => {
        const store: ObjectStore = retrying(plain);
        await call(store);
        expect(seen).toHaveLength(2);
        await call(store);
        expect(seen).toHaveLength(3);
      });
    },
  );

  it("is no matter to calls that were made together", async () => {
    await withServer(serverAhead(20 * MINUTE_MS), {}, async (plain, seen) => {
      const store = retrying(plain);
      await Promise.all(Array.from({ length: 10 }, () => create(store)));
      expect(seen.length).toBeLessThanOrEqual(20);
      const count = seen.length;
      await get(store);
      expect(seen).toHaveLength(count + 1);
    });
  });

  it("is told of in the error, where nobody tries again", async () => {
    await withServer(serverAhead(20 * MINUTE_MS), {}, async (store) => {
      const error = await failureOf(create(store));
      expect(error.code).toBe("UNAVAILABLE");
      expect(error.message).toMatch(/clock of this machine is 20 min behind/);
      await create(store);
    });
  });
});

describe("a clock that cannot be put right", () => {
  it("is an error for good where the store does not tell its own", async () => {
    await withServer(serverAhead(20 * MINUTE_MS, { tellsDate: false }), {}, async (plain, seen) => {
      const error = await failureOf(create(retrying(plain)));
      expect(error.code).toBe("UNAUTHENTICATED");
      expect(error.message).toContain("clock");
      expect(seen).toHaveLength(1);
    });
  });

  it("is an error for good where the store refuses it with its own date", async () => {
    const script: Script = () =>
      errorAnswer(403, "RequestTimeTooSkewed", {
        date: new Date(Date.now() + 20 * MINUTE_MS).toUTCString(),
      });
    await withServer(script, {}, async (plain, seen) => {
      expect((await failureOf(get(retrying(plain)))).code).toBe("UNAUTHENTICATED");
      expect(seen).toHaveLength(2);
    });
  });

  it("does not make other refusals look like it", async () => {
    const script: Script = () =>
      errorAnswer(403, "SignatureDoesNotMatch", { date: new Date().toUTCString() });
    await withServer(script, {}, async (plain, seen) => {
      expect((await failureOf(get(retrying(plain)))).code).toBe("UNAUTHENTICATED");
      expect(seen).toHaveLength(1);
    });
  });
});
