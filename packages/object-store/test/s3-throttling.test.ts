/** A store that is asked for too much, or by two at once: what is sent again, and when. */

import { retrying } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { ManualClock } from "./manual-clock.ts";
import {
  type Call,
  create,
  failure,
  failureOf,
  get,
  put,
  type Script,
  swap,
  withServer,
} from "./scripted-s3.ts";
import { type Answer, errorAnswer } from "./scripted-server.ts";

const DATE = "Thu, 15 Jan 2026 10:30:25 GMT";
const MINE: Answer = { status: 200, headers: { etag: '"v2"', date: DATE } };
const THEIRS: Answer = { status: 200, headers: { etag: '"v9"', date: DATE }, body: "theirs" };

describe("a store that asks to slow down", () => {
  it.each<readonly [number, string]>([
    [503, "SlowDown"],
    [503, "slow_down"],
    [503, "SlowDownRead"],
    [503, "SlowDownWrite"],
    [429, "TooManyRequests"],
    [429, "too_many_requests"],
    [429, "SomethingOfItsOwn"],
    [400, "RequestLimitExceeded"],
    [400, "ThrottlingException"],
    [403, "RequestThrottled"],
    [509, "BandwidthLimitExceeded"],
  ])("is understood with %i %s: nothing happened", async (status, name) => {
    for (const call of [get, put, create, swap]) {
      expect((await failure(() => errorAnswer(status, name), call)).code).toBe("THROTTLED");
    }
  });

  it.each<readonly [string, Readonly<Record<string, string>>, number | undefined]>([
    ["in seconds", { "retry-after": "7" }, 7_000],
    ["as a date, by its own clock", { "retry-after": "Thu, 15 Jan 2026 10:30:55 GMT" }, 30_000],
    ["as a date that is over", { "retry-after": "Thu, 15 Jan 2026 10:00:00 GMT" }, 0],
    ["in no form that one knows", { "retry-after": "soon" }, undefined],
    ["not at all", {}, undefined],
  ])("may say for how long, %s", async (_name, headers, expected) => {
    const told = { ...headers, date: DATE };
    const error = await failure(() => errorAnswer(503, "SlowDown", told), get);
    expect(error.retryAfterMs).toBe(expected);
  });

  it("is left alone for as long as it says, and then asked again", async () => {
    const clock = new ManualClock();
    const told = { date: DATE, "retry-after": "Thu, 15 Jan 2026 10:30:45 GMT" };
    const script: Script = (_, count) => (count < 3 ? errorAnswer(503, "SlowDown", told) : MINE);
    await withServer(script, {}, async (store, seen) => {
      await create(retrying(store, { clock }));
      expect(seen).toHaveLength(3);
      expect(clock.sleptMs).toEqual([20_000, 20_000]);
    });
  });
});

describe("a store that is not there for now", () => {
  const page = { "content-type": "text/html" };

  it.each<readonly [string, Call, Answer, string]>([
    ["says so itself", create, errorAnswer(503, "ServiceUnavailable"), "UNAVAILABLE"],
    // A gateway says 503 also when the store's connection broke after the request went out.
    [
      "is said so by a gateway",
      create,
      { status: 503, headers: page, body: "no" },
      "OUTCOME_UNKNOWN",
    ],
    ["is said so by a gateway", swap, { status: 503 }, "OUTCOME_UNKNOWN"],
    ["is said so by a gateway", put, { status: 503, headers: page, body: "no" }, "UNAVAILABLE"],
    ["is said so by a gateway", get, { status: 503 }, "UNAVAILABLE"],
    ["is late for a gateway", create, { status: 504 }, "OUTCOME_UNKNOWN"],
    ["breaks for a gateway", create, { status: 502, body: "bad gateway" }, "OUTCOME_UNKNOWN"],
  ])("%s", async (_name, call, answer, code) => {
    expect((await failure(() => answer, call)).code).toBe(code);
  });
});

describe("two writers at once", () => {
  const conflict = errorAnswer(409, "ConditionalRequestConflict");
  const refused = errorAnswer(412, "PreconditionFailed");

  /** Answers puts in this order, and gets with the rival's object. */
  const answering = (...answers: readonly Answer[]): Script => {
    const left = [...answers];
    return ({ method }) => (method === "PUT" ? (left.shift() ?? MINE) : THEIRS);
  };
  const outcome = (script: Script, call: Call) =>
    withServer(script, {}, async (plain, seen) => {
      const store = retrying(plain, { clock: new ManualClock() });
      const code = await call(store).then(
        () => "won",
        async (error: unknown) => (await failureOf(Promise.reject(error))).code,
      );
      return [code, seen.filter(({ method }) => method === "PUT").length] as const;
    });

  it.each<readonly [string, Call, string]>([
    ["create", create, "OBJECT_EXISTS"],
    ["swap", swap, "OBJECT_CHANGED"],
  ])(
    "a conflict is tried again, for a %s: it may win, and loses only by a 412",
    async (_name, call, lost) => {
      expect(await outcome(answering(conflict), call)).toEqual(["won", 2]);
      expect(await outcome(answering(conflict, conflict), call)).toEqual(["won", 3]);
      expect(await outcome(answering(refused), call)).toEqual([lost, 1]);
      expect(await outcome(answering(conflict, refused), call)).toEqual([lost, 2]);
    },
  );

  it("a conflict that never ends says that nothing happened", async () => {
    const always: Script = () => conflict;
    const [code, puts] = await outcome(always, create);
    expect(code).toBe("UNAVAILABLE");
    expect(puts).toBe(8);
  });
});
