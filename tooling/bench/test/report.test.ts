import { describe, expect, it } from "vitest";
import { REPLICA_CASES } from "../src/groups/replica/all-cases.ts";
import { CONTENDERS } from "../src/groups/replica/contenders.ts";
import { replicaGroup } from "../src/groups/replica/replica-group.ts";
import { type Measurement, type MeasurementFacts, makeMeasurement } from "../src/measurement.ts";
import { checkBars } from "../src/report/check-bars.ts";
import { renderSummary } from "../src/report/summary.ts";
import { renderTables } from "../src/report/tables.ts";
import { formatMs, formatRatio } from "../src/report/units.ts";

function measured(facts: Partial<MeasurementFacts>, ...samples: number[]): Measurement {
  return makeMeasurement(
    {
      group: "replica",
      case: "scan",
      measure: "scan",
      unit: "ms",
      contender: "Headwater",
      driver: "better-sqlite3",
      sizeMb: 20,
      latencyMs: 20,
      shown: true,
      ...facts,
    },
    samples,
  );
}

const litestream = { contender: "litestream-vfs", driver: "node:sqlite" };

describe("units", () => {
  it("show three digits that count", () => {
    expect(formatMs(0.00142)).toBe("1.42 µs");
    expect(formatMs(38.12)).toBe("38.1 ms");
    expect(formatMs(123_456)).toBe("123 s");
    expect(formatRatio(0.0412)).toBe("0.04x");
    expect(formatRatio(0.00412)).toBe("0.0041x");
  });
});

describe("bars", () => {
  it("are not met by what was not measured", () => {
    const results = checkBars([]);
    expect(results.length).toBeGreaterThan(0);
    for (const { met, found } of results)
      expect({ met, found }).toEqual({ met: false, found: "not measured" });
  });

  it("are of the cases that were asked for", () => {
    const bars = checkBars([], new Set(["scan", "open"])).map(({ bar }) => bar);
    expect(bars).toHaveLength(3);
    expect(bars.filter((bar) => !/first row|scan/.test(bar))).toEqual([]);
  });

  it("compare medians at 20 MB and 20 ms", () => {
    const scan = (ours: number) =>
      checkBars([
        measured({}, ours),
        measured({ latencyMs: 0 }, 1),
        measured(litestream, 2000, 1000, 3000),
      ]).find(({ bar }) => bar.includes("scan") && bar.includes("litestream-vfs"));
    expect(scan(100)?.met).toBe(true);
    expect(scan(101)?.met).toBe(false);
  });

  it("take the faster mode of a plain file, through the same driver", () => {
    const facts = { case: "warm", measure: "default cache" };
    const result = checkBars([
      measured(facts, 2),
      measured({ ...facts, contender: "plain file" }, 4),
      measured({ ...facts, contender: "plain file, WAL" }, 1),
      measured({ ...facts, contender: "plain file", driver: "node:sqlite" }, 9),
    ]).find(({ bar }) => bar.includes("default cache") && bar.includes("better-sqlite3"));
    expect(result?.met).toBe(false);
    expect(result?.found).toContain("2.00x");
  });
});

describe("bars of Headwater against itself", () => {
  const steady = { case: "steady", unit: "MB" } as const;
  const ofJournal = (first: number, second: number) =>
    checkBars([
      measured({ ...steady, measure: "journal, first half" }, first),
      measured({ ...steady, measure: "journal, second half" }, second),
    ]).find(({ bar }) => bar.includes("journal"));

  it("compare two measures of one case, in their unit", () => {
    expect(ofJournal(8, 10)).toMatchObject({ met: true, found: "10.0 MB to 8.00 MB, 1.25x" });
    expect(ofJournal(8, 10.1)?.met).toBe(false);
  });

  it("compare one measure at two sizes, and at two latencies", () => {
    const p99 = { case: "commit-latency", measure: "p99" };
    const results = checkBars([
      measured({ ...p99, sizeMb: 1 }, 1),
      measured({ ...p99, sizeMb: 200 }, 2),
      measured({ ...p99, latencyMs: 0 }, 2),
      measured({ ...p99, latencyMs: 50 }, 2),
    ]).filter(({ bar }) => bar.includes("a commit (p99)"));
    expect(results.map(({ found }) => found)).toEqual([
      "2.00 ms to 1.00 ms, 2.00x",
      "2.00 ms to 2.00 ms, 1.00x",
    ]);
    expect(results.map(({ met }) => met)).toEqual([false, true]);
  });
});

describe("one-row commits", () => {
  it("have to take less than a plain file, not just as much", () => {
    const burst = (ours: number) =>
      checkBars([
        measured({ case: "commits", measure: "burst" }, ours),
        measured({ case: "commits", measure: "burst", contender: "plain file, WAL" }, 10),
      ]).find(({ bar, found }) => bar.includes("(burst)") && found !== "not measured");
    expect(burst(8)?.met).toBe(true);
    expect(burst(8.1)?.met).toBe(false);
  });

  it("have to take no more at a moderate pace, through each driver", () => {
    const results = (ours: number, plain: number) =>
      ["better-sqlite3", "node:sqlite"].flatMap((driver) => {
        const facts = { case: "paced", measure: "commit", driver };
        return checkBars([
          measured(facts, ours),
          measured({ ...facts, contender: "plain file, WAL" }, plain),
        ]).filter(({ found }) => found !== "not measured");
      });
    expect(results(10, 10).map(({ met }) => met)).toEqual([true, true]);
    expect(results(10.1, 10).map(({ met }) => met)).toEqual([false, false]);
  });
});

describe("the cases that bars name", () => {
  it("are measured where the bars look", () => {
    const commitLatency = REPLICA_CASES.find(({ name }) => name === "commit-latency");
    expect(commitLatency?.at).toEqual(
      expect.arrayContaining([
        { sizeMb: 1, latencyMs: 20 },
        { sizeMb: 200, latencyMs: 20 },
        { sizeMb: 20, latencyMs: 0 },
        { sizeMb: 20, latencyMs: 50 },
      ]),
    );
    const everything = REPLICA_CASES.flatMap(({ name, measures, at }) => {
      const spots = typeof at === "string" ? [{ sizeMb: 20, latencyMs: 20 }] : at;
      return spots.flatMap((spot) =>
        Object.keys(measures).flatMap((measure) =>
          CONTENDERS.map(({ name: contender, driver }) =>
            measured({ ...spot, case: name, measure, contender, driver }, 1),
          ),
        ),
      );
    });
    const missing = checkBars(everything).filter(({ found }) => found === "not measured");
    expect(missing.filter(({ bar }) => !bar.startsWith("a cold start"))).toEqual([]);
  });
});

describe("bars at every size and latency of the run", () => {
  const wire = { contender: "bare requests", driver: "node:http" };
  const found = (...measurements: readonly Measurement[]) =>
    checkBars(
      measurements.map((one) => ({ ...one, case: "scan-table" })),
      new Set(["scan-table"]),
    );

  it("give one result for each", () => {
    const results = found(
      measured({}, 10),
      measured(wire, 6),
      measured({ sizeMb: 200, latencyMs: 50 }, 11),
      measured({ ...wire, sizeMb: 200, latencyMs: 50 }, 6),
    );
    expect(results.map(({ met }) => met)).toEqual([true, false]);
    expect(results.map(({ bar }) => /\(.*\)/.exec(bar)?.[0])).toEqual([
      "(better-sqlite3, 20 MB, 20 ms)",
      "(better-sqlite3, 200 MB, 50 ms)",
    ]);
  });

  it("are not met where only Headwater was measured", () => {
    expect(found(measured({}, 1)).map(({ met }) => met)).toEqual([false]);
  });

  it("leave a store out that takes no time", () => {
    const near = { latencyMs: 0 };
    const results = found(measured({}, 1), measured(wire, 1), measured(near, 9));
    expect(results.map(({ met }) => met)).toEqual([true]);
  });
});

describe("bars that are no ratios", () => {
  const resultsOf = (name: string, ...measurements: readonly Measurement[]) =>
    checkBars(measurements, new Set([name])).map(({ met, found }) => ({ met, found }));

  it("limit what Headwater has more than another", () => {
    const facts = { case: "memory", measure: "resident", unit: "MB" } as const;
    const plain = measured({ ...facts, contender: "plain file" }, 80);
    expect(resultsOf("memory", plain, measured(facts, 200))).toEqual([
      { met: true, found: "200 MB to 80.0 MB, 120 MB more" },
    ]);
    expect(resultsOf("memory", plain, measured(facts, 200.1))[0]?.met).toBe(false);
  });

  it("limit what is counted", () => {
    const facts = { case: "idle", unit: "requests" } as const;
    const counted = (perSecond: number, listsPerMinute: number) =>
      resultsOf(
        "idle",
        measured({ ...facts, measure: "requests a second" }, perSecond),
        measured({ ...facts, measure: "lists a minute" }, listsPerMinute),
      ).map(({ met }) => met);
    expect(counted(1.2, 2)).toEqual([true, true]);
    expect(counted(1.3, 2.1)).toEqual([false, false]);
  });
});

describe("tables", () => {
  const measurements = [
    measured({ latencyMs: 0 }, 10),
    measured(
      { requests: { total: 66, byKind: {}, bytesToClient: 13_900_000, bytesToServer: 0 } },
      40,
    ),
    measured(litestream, 4000),
  ];

  it("have a column for each latency, and ratios at the highest", () => {
    const text = renderTables({ groups: [replicaGroup], measurements, omissions: [] });
    expect(text).toContain("Cold full scan, 20 MB");
    const [row = ""] = text.split("\n").filter((line) => line.startsWith("Headwater"));
    expect(row.trim().split(/ {2,}/)).toEqual([
      "Headwater",
      "better-sqlite3",
      "10.0 ms",
      "40.0 ms",
      "66",
      "13.9 MB",
      "0.01x",
    ]);
  });

  it("say what was left out", () => {
    const omission = {
      group: "replica",
      case: "scan",
      contender: "litestream-vfs",
      sizeMb: 200,
      latencyMs: 20,
      reason: "it takes too long",
    };
    const text = renderTables({ groups: [replicaGroup], measurements, omissions: [omission] });
    expect(text).toContain("not measured: scan, 200 MB, litestream-vfs: it takes too long");
  });

  it("are a few lines of Markdown in short", () => {
    const options = { group: replicaGroup, measurements, sizeMb: 20, latencyMs: 20 };
    expect(renderSummary(options).split("\n").at(-1)).toBe(
      "| Cold full scan | 40.0 ms (66) | 4000 ms |  |  |",
    );
  });
});
