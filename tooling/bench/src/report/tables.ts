/**
 * The report as tables: one for each case and size, a column for each latency, and ratios of
 * medians at the highest latency.
 */

import Table from "cli-table3";
import type { Group, Reference } from "../groups/group.ts";
import type { Measurement, Omission, RequestTally } from "../measurement.ts";
import { formatRatio, formatValue } from "./units.ts";

/** One line below the headings, and none between columns: tables are wide as it is. */
const NO_LINES = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "",
};

interface Report {
  readonly groups: readonly Group[];
  readonly measurements: readonly Measurement[];
  readonly omissions: readonly Omission[];
}

export function renderTables({ groups, measurements, omissions }: Report): string {
  const parts: string[] = [];
  for (const group of groups) {
    for (const caseName of group.caseNames) {
      const ofCase = measurements.filter(
        (one) => one.group === group.name && one.case === caseName && one.shown,
      );
      for (const sizeMb of distinct(ofCase.map((one) => one.sizeMb))) {
        const rows = ofCase.filter((one) => one.sizeMb === sizeMb);
        const size = sizeMb === 0 ? "" : `, ${sizeMb} MB`;
        parts.push(`${group.title(caseName)}${size}\n${renderTable(group, rows)}`);
      }
    }
  }
  const notes = omissions.map(({ contender, case: caseName, sizeMb, reason }) => {
    const size = sizeMb === 0 ? "" : `, ${sizeMb} MB`;
    return `not measured: ${caseName}${size}, ${contender}: ${reason}`;
  });
  if (notes.length > 0) parts.push(notes.join("\n"));
  return parts.join("\n\n");
}

function renderTable(group: Group, rows: readonly Measurement[]): string {
  const latencies = distinct(rows.map(({ latencyMs }) => latencyMs)).sort((a, b) => {
    return (a ?? 0) - (b ?? 0);
  });
  const highest = latencies[latencies.length - 1];
  const alikeOf = (row: Measurement) =>
    rows.filter((one) => one.measure === row.measure && one.latencyMs === row.latencyMs);
  const references = group.references.filter(({ find }) =>
    rows.some((row) => find(row, alikeOf(row)) !== undefined),
  );
  const hasRequests = rows.some(({ requests }) => requests !== undefined);
  const measures = distinct(rows.map(({ measure }) => measure));
  const table = new Table({
    head: [
      ...(measures.length > 1 ? ["measure"] : []),
      "who",
      "through",
      ...latencies.map((latency) => (latency === undefined ? "median" : `${latency} ms`)),
      ...(hasRequests ? ["requests", "received"] : []),
      ...references.map(({ heading }) => heading),
    ],
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    chars: NO_LINES,
    colAligns: [
      ...(measures.length > 1 ? (["left"] as const) : []),
      "left",
      "left",
      ...new Array<"right">(latencies.length + 2 + references.length).fill("right"),
    ],
  });
  for (const measure of measures) {
    const ofMeasure = rows.filter((row) => row.measure === measure);
    for (const rowsOfOne of byContender(ofMeasure)) {
      const last = rowsOfOne.find(({ latencyMs }) => latencyMs === highest);
      table.push([
        ...(measures.length > 1 ? [measure] : []),
        rowsOfOne[0]?.contender ?? "",
        rowsOfOne[0]?.driver ?? "",
        ...latencies.map((latency) => {
          const row = rowsOfOne.find(({ latencyMs }) => latencyMs === latency);
          return row === undefined ? "-" : formatValue(row.summary.median, row.unit);
        }),
        ...(hasRequests ? requestCells(last?.requests) : []),
        ...references.map((reference) => ratioCell(reference, last, alikeOf)),
      ]);
    }
  }
  return table.toString();
}

function requestCells(requests: RequestTally | undefined): string[] {
  if (requests === undefined) return ["", ""];
  return [String(requests.total), `${(requests.bytesToClient / 1e6).toFixed(1)} MB`];
}

function ratioCell(
  { find }: Reference,
  row: Measurement | undefined,
  alikeOf: (row: Measurement) => readonly Measurement[],
): string {
  if (row === undefined) return "";
  const other = find(row, alikeOf(row));
  if (other === undefined || other === row) return "";
  return formatRatio(row.summary.median / other.summary.median);
}

function byContender(rows: readonly Measurement[]): readonly (readonly Measurement[])[] {
  const keys = distinct(rows.map(({ contender, driver }) => `${contender}/${driver}`));
  return keys.map((key) => rows.filter((row) => `${row.contender}/${row.driver}` === key));
}

function distinct<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}
