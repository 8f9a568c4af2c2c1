/** The judge of the process tests, given logs of which one knows what is wrong with them. */

import { describe, expect, it } from "vitest";
import { checkLog, type LogEntry, parseLog } from "./check-log.ts";

const begins = (who: string, generation: number): LogEntry[] => [
  { event: "wants", who },
  { event: "begins", who, generation },
];
const wrote = (who: string, generation: number, id: string): LogEntry[] => [
  { event: "writes", who, generation, id },
  { event: "acknowledges", who, generation, id },
];
const looks = (who: string, generation: number): LogEntry => ({ event: "looks", who, generation });
const believes = (who: string, generation: number): LogEntry => {
  return { event: "believes", who, generation };
};
const saw = (who: string, generation: number, since: number, ...ids: string[]): LogEntry => {
  return { event: "saw", who, generation, since, ids };
};

const violationsOf = (...entries: readonly LogEntry[]) => checkLog(entries).violations;

describe("a log in which all is well", () => {
  it("has no violations, and is counted", () => {
    const { violations, counts } = checkLog([
      ...begins("a", 1),
      saw("a", 1, 0),
      looks("a", 1),
      believes("a", 1),
      ...wrote("a", 1, "1/a"),
      { event: "kills", who: "a" },
      ...begins("b", 2),
      saw("b", 2, 0, "1/a"),
      { event: "stops", who: "b" },
      ...begins("c", 4),
      saw("c", 4, 0, "1/a"),
      { event: "continues", who: "b" },
      { event: "writes", who: "b", generation: 2, id: "2/b" },
      { event: "refused", who: "b", generation: 2, id: "2/b" },
      { event: "ends", who: "b", generation: 2 },
      { event: "ends", who: "c", generation: 4 },
      ...begins("b", 5),
    ]);
    expect(violations).toEqual([]);
    expect(counts).toEqual({
      holders: 4,
      acknowledged: 1,
      takeoversAfterKill: 1,
      takeoversDuringStop: 1,
      refusedZombies: 1,
    });
  });

  it("may hold lines that came late because their process stood still", () => {
    expect(
      violationsOf(
        { event: "wants", who: "a" },
        ...begins("b", 2),
        { event: "begins", who: "a", generation: 1 },
        ...begins("c", 3),
        { event: "ends", who: "a", generation: 1 },
      ),
    ).toEqual([]);
    expect(
      violationsOf(...begins("a", 1), looks("a", 1), ...begins("b", 2), believes("a", 1)),
    ).toEqual([]);
    const [writes, acknowledges] = wrote("a", 1, "1/a");
    expect(
      violationsOf(
        ...begins("a", 1),
        writes!,
        ...begins("b", 2),
        saw("b", 2, 0, "1/a"),
        acknowledges!,
      ),
    ).toEqual([]);
  });

  it("does not count a refusal, or a takeover, that proves nothing", () => {
    const { counts } = checkLog([
      ...begins("a", 1),
      { event: "refused", who: "a", generation: 1, id: "1/a" },
      { event: "ends", who: "a", generation: 1 },
      { event: "stops", who: "a" },
      ...begins("b", 2),
      { event: "refused", who: "b", generation: 2, id: "2/b" },
    ]);
    expect(counts).toMatchObject({ refusedZombies: 0, takeoversDuringStop: 0 });
  });
});

describe("a log tells of", () => {
  it("two that believe at once", () => {
    const entries = [...begins("a", 1), ...begins("b", 2), looks("a", 1), believes("a", 1)];
    expect(violationsOf(...entries)).toEqual(["a, generation 1, believed after 2 had begun"]);
  });

  it("a generation that did not grow", () => {
    expect(violationsOf(...begins("a", 2), ...begins("b", 1))).toEqual([
      "b began as generation 1, after 2 had begun",
    ]);
  });

  it("two holders of one generation, even if both had asked before", () => {
    const entries: LogEntry[] = [
      { event: "wants", who: "a" },
      { event: "wants", who: "b" },
      { event: "begins", who: "a", generation: 1 },
      { event: "begins", who: "b", generation: 1 },
    ];
    expect(violationsOf(...entries)).toEqual(["b is not the only holder of generation 1"]);
  });

  it("an acknowledged write that was begun after another holder was", () => {
    const entries = [...begins("a", 1), ...begins("b", 2), ...wrote("a", 1, "1/a")];
    expect(violationsOf(...entries)).toEqual([
      "1/a was acknowledged, but written after 2 had begun",
    ]);
  });

  it("an acknowledged write that a later holder did not find, whenever it was told of", () => {
    const [writes, acknowledges] = wrote("a", 1, "1/a");
    const entries = [...begins("a", 1), writes!, ...begins("b", 2), saw("b", 2, 0), acknowledges!];
    expect(violationsOf(...entries)).toEqual([
      "1/a was acknowledged, but not there when b, generation 2, began",
    ]);
    const lost = [...begins("a", 1), ...wrote("a", 1, "1/a"), saw("end", 9, 0)];
    expect(violationsOf(...lost)).toHaveLength(1);
  });

  it("nothing by a look that did not go back so far", () => {
    const entries = [...begins("a", 1), ...wrote("a", 1, "1/a"), ...begins("b", 9), saw("b", 9, 2)];
    expect(violationsOf(...entries)).toEqual([]);
  });

  it("an acknowledgement without a write", () => {
    const [, acknowledges] = wrote("a", 1, "1/a");
    expect(violationsOf(...begins("a", 1), acknowledges!)).toEqual([
      "1/a was acknowledged, but never written",
    ]);
  });
});

describe("parsing a log", () => {
  it("drops what a killed process left half written, and nothing else", () => {
    const line = '\n{"event":"wants","who":"a"}\n';
    expect(parseLog(`${line}\n{"event":"beg${line}`)).toEqual([
      { event: "wants", who: "a" },
      { event: "wants", who: "a" },
    ]);
  });
});
