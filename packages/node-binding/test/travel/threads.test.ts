import { describe, expect, it } from "vitest";
import { messageOf, startThread } from "../support/threads.ts";
import { makeHistory, untilNoPasts } from "../support/travelling.ts";
import type { TravellingThreadData } from "../support/travelling-thread.ts";

const STATES = 6;
const THREADS = 4;
const ROUNDS = 150;

function travel(data: TravellingThreadData): Promise<string[]> {
  return messageOf<string[]>(startThread("./travelling-thread.ts", data));
}

describe("threads that go from moment to moment", () => {
  it("see what they asked for, while the present goes on, and leave nothing open", async () => {
    const history = await makeHistory(STATES);
    const { filename, database, flush } = history;
    const travellers = Array.from({ length: THREADS }, (_, index) =>
      travel({ filename, seed: index + 1, rounds: ROUNDS, states: STATES }),
    );
    let isOver = false;
    const all = Promise.all(travellers).finally(() => {
      isOver = true;
    });
    for (let number = STATES + 1; !isOver; number += 1) {
      database.exec(`insert into state values (${number}, null)`);
      await flush();
    }
    expect(await all).toEqual(Array.from({ length: THREADS }, () => []));
    await untilNoPasts(history);
  }, 60_000);
});
