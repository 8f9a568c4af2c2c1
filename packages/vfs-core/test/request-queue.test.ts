import { describe, expect, it } from "vitest";
import { deferred } from "../src/deferred.ts";
import {
  HYDRATE_PARALLEL,
  OPEN_PARALLEL,
  PREFETCH_PARALLEL,
  REQUESTS_PARALLEL,
} from "../src/limits.ts";
import { PRIORITIES, type Priority, RequestQueue, type Ticket } from "../src/read/request-queue.ts";

function start(queue: RequestQueue, priority: Priority, log: string[], name: string) {
  const gate = deferred<void>();
  const ticket: Ticket = { priority };
  const done = queue.run(ticket, async () => {
    log.push(name);
    await gate.promise;
  });
  return { ticket, done, finish: () => gate.resolve() };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("RequestQueue", () => {
  it("keeps places free for misses", async () => {
    const queue = new RequestQueue();
    const log: string[] = [];
    const started = [];
    for (let index = 0; index < 50; index += 1) {
      started.push(start(queue, "hydrate", log, "h"), start(queue, "prefetch", log, "p"));
    }
    await settle();
    expect(log.filter((name) => name === "h")).toHaveLength(HYDRATE_PARALLEL);
    expect(log.filter((name) => name === "p")).toHaveLength(PREFETCH_PARALLEL);
    started.push(start(queue, "foreground", log, "miss"));
    await settle();
    expect(log.at(-1)).toBe("miss");
    for (const { finish } of started) finish();
    await Promise.all(started.map(({ done }) => done));
    expect(queue.runningCount).toBe(0);
  });

  it("has places for opening beside all others", async () => {
    const queue = new RequestQueue();
    const log: string[] = [];
    const names = ["foreground", "warmUp", "open"] as const;
    const started = names.flatMap((name) =>
      Array.from({ length: 2 * OPEN_PARALLEL }, () => start(queue, name, log, name)),
    );
    await settle();
    const counts = names.map((name) => log.filter((one) => one === name).length);
    expect(counts).toEqual([REQUESTS_PARALLEL, 0, OPEN_PARALLEL]);
    for (const { finish } of started) finish();
    await Promise.all(started.map(({ done }) => done));
  });

  it("takes them in the order of their urgency", async () => {
    const queue = new RequestQueue();
    const log: string[] = [];
    const busy = Array.from({ length: REQUESTS_PARALLEL }, () =>
      start(queue, "foreground", log, "busy"),
    );
    await settle();
    log.length = 0;
    const others = PRIORITIES.toReversed()
      .filter((name) => name !== "open")
      .map((name) => start(queue, name, log, name));
    for (const { finish } of busy) {
      finish();
      await settle();
    }
    expect(log).toEqual(PRIORITIES.filter((name) => name !== "open"));
    for (const { finish } of others) finish();
    await Promise.all(others.map(({ done }) => done));
  });

  it("starts the urgent ones first and never more than there are places", async () => {
    const queue = new RequestQueue();
    const log: string[] = [];
    const first = Array.from({ length: REQUESTS_PARALLEL }, () =>
      start(queue, "foreground", log, "first"),
    );
    const low = start(queue, "hydrate", log, "hydrate");
    const middle = start(queue, "prefetch", log, "prefetch");
    const high = start(queue, "foreground", log, "foreground");
    await settle();
    expect(log).toHaveLength(REQUESTS_PARALLEL);
    for (const { finish } of first) finish();
    await settle();
    expect(log.slice(REQUESTS_PARALLEL)).toEqual(["foreground", "prefetch", "hydrate"]);
    for (const { finish } of [low, middle, high]) finish();
  });

  it("moves a request to the front when somebody waits for it", async () => {
    const queue = new RequestQueue();
    const log: string[] = [];
    const running = Array.from({ length: HYDRATE_PARALLEL }, () =>
      start(queue, "hydrate", log, "h"),
    );
    const waiting = start(queue, "hydrate", log, "wanted");
    await settle();
    expect(log).not.toContain("wanted");
    queue.promote(waiting.ticket);
    await settle();
    expect(log).toContain("wanted");
    for (const { finish } of [...running, waiting]) finish();
    await waiting.done;
  });

  it("goes on after a failure", async () => {
    const queue = new RequestQueue();
    const failing = queue.run({ priority: "foreground" }, async () => {
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(queue.runningCount).toBe(0);
  });

  it("lets go at once of what is aborted while it waits, also when it was promoted", async () => {
    const queue = new RequestQueue();
    const log: string[] = [];
    const first = Array.from({ length: REQUESTS_PARALLEL }, () =>
      start(queue, "foreground", log, "first"),
    );
    const stop = new AbortController();
    const tickets: Ticket[] = [{ priority: "foreground" }, { priority: "prefetch" }];
    const waiting = tickets.map((ticket) =>
      queue.run(ticket, async () => log.push("never"), stop.signal),
    );
    const last = start(queue, "foreground", log, "last");
    await settle();
    queue.promote(tickets[1]!);
    const reason = new Error("no more");
    stop.abort(reason);
    for (const one of waiting) await expect(one).rejects.toBe(reason);
    for (const { finish } of first) finish();
    await settle();
    expect(log.at(-1)).toBe("last");
    expect(log).not.toContain("never");
    last.finish();
    await Promise.all([...first, last].map(({ done }) => done));
    expect(queue.runningCount).toBe(0);
    const late = queue.run({ priority: "foreground" }, async () => log.push("never"), stop.signal);
    await expect(late).rejects.toBe(reason);
  });
});
