/**
 * A process that follows with a local image and looks again and again, now and then at everything,
 * and now and then twice in one transaction, with minutes between.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "@headwater/node-binding";
import Database from "better-sqlite3";
import { fail, readTask, tell } from "../../processes/news.ts";
import { RETENTION } from "../retention.ts";
import { sampleSelf } from "../sample.ts";
import type { SoakNews, SoakTask } from "../soak-news.ts";
import { type Look, lookLightly, lookThoroughly } from "../stock.ts";

const LOOK_MS = 500;
const SAMPLE_LOOKS = 10;
const THOROUGH_LOOKS = 20;
const INTEGRITY_LOOKS = 400;
/** A transaction is held open for so long, and begun again after as long a pause. */
const HOLD_MS = 25_000;
/** What one sees can be read for as long as one may restore to it, with some to spare. */
const KEPT_MS = RETENTION.level0RetentionMs - 10_000;

const { url, storeOptions, imagePath } = readTask<SoakTask>();
let isOver = false;
process.once("SIGTERM", () => {
  isOver = true;
});

function wrong(why: string): void {
  tell<SoakNews>({ type: "wrong", why });
}

/** Runs what reads in one transaction, which began then, unless what it needs is gone. */
function tryToRead(database: Database.Database, sinceMs: number, read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith("SQLITE_IOERR") !== true) throw error;
    const reason = String(database.pragma("headwater_why", { simple: true }));
    const passedMs = performance.now() - sinceMs;
    const why = `after ${Math.round(passedMs / 1000)} s of one transaction: ${reason}`;
    if (passedMs < KEPT_MS || !reason.includes("compacted")) wrong(why);
    else tell<SoakNews>({ type: "gone", why });
    return false;
  }
}

/** A connection with a transaction of its own. */
class Hold {
  readonly #database: Database.Database;
  #first: Look | undefined;
  #turnedMs = performance.now();
  #begunMs = 0;

  constructor(filename: string) {
    this.#database = new Database(filename);
  }

  /** When it is time to, begins it, or looks again and ends it. */
  turn(): void {
    const nowMs = performance.now();
    if (nowMs - this.#turnedMs < HOLD_MS) return;
    this.#turnedMs = nowMs;
    const first = this.#first;
    if (first === undefined) this.#begunMs = nowMs;
    const step = () => (first === undefined ? this.#begin() : this.#compare(first));
    if (!tryToRead(this.#database, this.#begunMs, step)) this.end();
  }

  end(): void {
    if (this.#database.inTransaction) this.#database.exec("commit");
    this.#first = undefined;
  }

  #begin(): void {
    this.#database.exec("begin");
    this.#first = lookThoroughly(this.#database);
    if (this.#first.type === "unsound") wrong(`a transaction that begins: ${this.#first.why}`);
  }

  #compare(first: Look): void {
    const [before, now] = [first, lookThoroughly(this.#database)].map((one) => JSON.stringify(one));
    if (before === now) tell<SoakNews>({ type: "held" });
    else wrong(`a transaction saw ${before} first, and ${now} later`);
    this.end();
  }
}

async function main(): Promise<void> {
  const hw = await openDatabase({
    url,
    ...(storeOptions === undefined ? {} : { storeOptions }),
    hydrate: { path: imagePath },
    // A part of the database, so that its pages come from everywhere.
    cacheBytes: 4 * 1024 * 1024,
    // The machine may have a lot of other things to do.
    requestTimeoutMs: 120_000,
  });
  let hydratedCount = 0;
  hw.on("hydrated", () => {
    hydratedCount += 1;
  });
  hw.on("hydrationFailed", ({ error }) => wrong(`hydration: ${error.code} ${error.message}`));
  hw.on("followFailed", ({ error }) => wrong(`following: ${error.code} ${error.message}`));
  hw.on("replicaReset", ({ reason }) => wrong(`it took the replica for another: ${reason}`));
  const { database } = hw;
  const hold = new Hold(hw.filename);
  const look = (isThorough: boolean) => {
    const once = () => (isThorough ? lookThoroughly(database) : lookLightly(database, Math.random));
    const sinceMs = performance.now();
    tryToRead(database, sinceMs, () => {
      const look = database.transaction(once)();
      tell<SoakNews>({ type: "looked", look, tookMs: performance.now() - sinceMs });
    });
  };
  for (let count = 0; !isOver; count += 1) {
    look(count % THOROUGH_LOOKS === 1);
    hold.turn();
    if (count % INTEGRITY_LOOKS === INTEGRITY_LOOKS - 1) {
      tryToRead(database, performance.now(), () => requireIntegrity(database));
    }
    if (count % SAMPLE_LOOKS === 0) {
      tell<SoakNews>({ type: "sampled", sample: await sampleSelf() });
    }
    await sleep(LOOK_MS);
  }
  hold.end();
  await hw.flush();
  await hw.hydrated();
  look(true);
  requireIntegrity(database);
  const { follow } = await hw.status();
  const { requests = {}, pollCount = 0 } = follow ?? {};
  const count = Object.values(requests).reduce((sum, one) => sum + (one?.requests ?? 0), 0);
  const facts = {
    polls: pollCount,
    requests: count,
    listings: requests.list?.requests ?? 0,
    hydratedCount,
  };
  await hw.close();
  tell<SoakNews>({ type: "finished", facts });
  process.exit();
}

function requireIntegrity(database: Database.Database): void {
  const found = database.pragma("integrity_check", { simple: true });
  if (found !== "ok") wrong(`integrity_check: ${String(found)}`);
}

main().catch(fail);
