/**
 * The report in short, as Markdown for a README: one row for each thing that was measured, one
 * column for each contender, at one size and latency. The number of requests is in brackets.
 */

import type { Group } from "../groups/group.ts";
import type { Measurement } from "../measurement.ts";
import { formatValue } from "./units.ts";

interface SummaryOptions {
  readonly group: Group;
  readonly measurements: readonly Measurement[];
  readonly sizeMb: number;
  readonly latencyMs: number;
}

interface Column {
  readonly heading: string;
  readonly contenders: readonly string[];
  /** Of several drivers, the one to show. */
  readonly driver: string;
}

const COLUMNS: readonly Column[] = [
  { heading: "Headwater", contenders: ["Headwater"], driver: "better-sqlite3" },
  { heading: "litestream-vfs", contenders: ["litestream-vfs"], driver: "node:sqlite" },
  {
    heading: "plain local file",
    contenders: ["plain file", "plain file, WAL"],
    driver: "better-sqlite3",
  },
  { heading: "bare requests", contenders: ["bare requests"], driver: "node:http" },
];

export function renderSummary({ group, measurements, sizeMb, latencyMs }: SummaryOptions): string {
  const here = measurements.filter(
    (one) =>
      one.group === group.name &&
      one.sizeMb === sizeMb &&
      one.latencyMs === latencyMs &&
      one.unit === "ms" &&
      one.shown,
  );
  const lines = [
    `| ${sizeMb} MB, store ${latencyMs} ms away | ${COLUMNS.map((c) => c.heading).join(" | ")} |`,
    `|---|${COLUMNS.map(() => "---:|").join("")}`,
  ];
  for (const caseName of group.caseNames) {
    const ofCase = here.filter((one) => one.case === caseName);
    const measures = [...new Set(ofCase.map(({ measure }) => measure))];
    for (const measure of measures) {
      const ofMeasure = ofCase.filter((one) => one.measure === measure);
      const label = measures.length > 1 ? `, ${measure}` : "";
      // Requests are those of the whole case: said once.
      const cells = COLUMNS.map((column) => cell(ofMeasure, column, measure === measures[0]));
      lines.push(`| ${group.title(caseName)}${label} | ${cells.join(" | ")} |`);
    }
  }
  return lines.join("\n");
}

function cell(
  rows: readonly Measurement[],
  { contenders, driver }: Column,
  withRequests: boolean,
): string {
  const best = rows
    .filter((row) => contenders.includes(row.contender) && row.driver === driver)
    .sort((a, b) => a.summary.median - b.summary.median)[0];
  if (best === undefined) return "";
  const value = formatValue(best.summary.median, best.unit);
  const requests = withRequests ? best.requests?.total : undefined;
  return requests === undefined ? value : `${value} (${requests})`;
}
