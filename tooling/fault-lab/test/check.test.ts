import { describe, expect, it } from "vitest";
import { findViolations } from "../src/history/check.ts";
import type { CommitId, Found, HistoryEvent, LookKind } from "../src/history/history.ts";

const commit = (id: CommitId, parent?: CommitId): HistoryEvent => ({
  type: "commit",
  id,
  parent,
  by: "w",
});
const acknowledge = (id: CommitId): HistoryEvent => ({ type: "acknowledge", id, by: "w" });
const at = (id: CommitId): Found => ({ type: "commit", id });
const EMPTY: Found = { type: "empty" };
const TORN: Found = { type: "torn", why: "two halves" };

function look(kind: LookKind, found: Found, begun = 1_000, by = "r"): HistoryEvent {
  return { type: "look", kind, by, begun, found };
}

const rollback = (id: CommitId): HistoryEvent => ({ type: "rollback", id, by: "w" });

const recover = (last: CommitId, found: Found): HistoryEvent => ({
  type: "recover",
  by: "w",
  last,
  found,
});

function refuse(journal: string, newest: string | undefined): HistoryEvent {
  return { type: "refuse", by: "w", code: "FENCED", journal, newest };
}

const namesOf = (events: readonly HistoryEvent[]) => findViolations(events).map(({ name }) => name);

describe("a history is right", () => {
  it.each<[string, HistoryEvent[]]>([
    ["when nothing happened", []],
    [
      "when what was acknowledged is in every restore",
      [commit(1), commit(2, 1), acknowledge(2), look("restore", at(2)), look("restore", at(2))],
    ],
    [
      "when commits that nobody was told of are gone wholly",
      [commit(1), acknowledge(1), commit(2, 1), commit(3, 1), acknowledge(3), look("fresh", at(3))],
    ],
    [
      "when a restore has more than was acknowledged",
      [commit(1), acknowledge(1), commit(2, 1), look("restore", at(2))],
    ],
    [
      "when an older commit is acknowledged after a newer one",
      [commit(1), commit(2, 1), acknowledge(2), acknowledge(1), look("restore", at(2))],
    ],
    [
      "when a look that began before an acknowledgement does not show it",
      [commit(1), look("fresh", EMPTY, 1), acknowledge(1), look("fresh", EMPTY, 1)],
    ],
    [
      "when a reader stays where it is",
      [commit(1), commit(2, 1), acknowledge(2), look("later", at(1)), look("later", at(1))],
    ],
    ["when another journal's file stands in the way", [commit(1), refuse("a", "b")]],
    [
      "when a commit that failed is nowhere",
      [commit(1), commit(2, 1), rollback(2), commit(3, 1), acknowledge(3), look("restore", at(3))],
    ],
    ["when a journal is found whole", [commit(1), commit(2, 1), recover(1, at(2))]],
  ])("%s", (_, events) => {
    expect(findViolations(events)).toEqual([]);
  });
});

describe("a history is wrong", () => {
  it.each<[string, string, HistoryEvent[]]>([
    [
      "lost",
      "when a restore lacks what was acknowledged",
      [commit(1), commit(2, 1), acknowledge(2), look("restore", at(1))],
    ],
    [
      "lost",
      "when a restore lacks everything",
      [commit(1), acknowledge(1), look("restore", EMPTY)],
    ],
    [
      "lost",
      "when a mount that was opened later lacks it",
      [commit(1), commit(2, 1), acknowledge(2), look("fresh", at(1), 3)],
    ],
    [
      "lost",
      "when a restore is of another branch",
      [commit(1), commit(2, 1), commit(3, 1), acknowledge(2), look("restore", at(3))],
    ],
    [
      "forked",
      "when two commits are acknowledged of which neither follows the other",
      [commit(1), commit(2, 1), commit(3, 1), acknowledge(2), acknowledge(3)],
    ],
    [
      "forked",
      "when two databases are acknowledged",
      [commit(1), commit(2), acknowledge(1), acknowledge(2)],
    ],
    ["torn", "when a reader sees what no commits made", [commit(1), look("later", TORN)]],
    ["torn", "when a restore does", [commit(1), look("restore", TORN)]],
    ["torn", "when a journal holds it", [commit(1), recover(1, TORN)]],
    [
      "back",
      "when a reader sees less than before",
      [commit(1), commit(2, 1), look("later", at(2)), look("later", at(1))],
    ],
    [
      "back",
      "when a reader sees nothing any more",
      [commit(1), look("later", at(1)), look("later", EMPTY)],
    ],
    [
      "forgotten",
      "when a journal lacks its last commit",
      [commit(1), commit(2, 1), recover(2, at(1))],
    ],
    [
      "undead",
      "when a commit that failed is there",
      [commit(1), commit(2, 1), rollback(2), look("restore", at(2))],
    ],
    [
      "undead",
      "when others were made on it",
      [commit(1), commit(2, 1), rollback(2), commit(3, 2), look("later", at(3))],
    ],
    ["false-conflict", "when a journal's own file is taken for another's", [refuse("a", "a")]],
    ["false-conflict", "when there is no file at all", [refuse("a", undefined)]],
    ["unexplained-error", "at an error", [{ type: "error", by: "w", text: "oh" }]],
    ["stuck", "when nobody can write in the end", [{ type: "stuck", text: "no" }]],
  ])("%s: %s", (name, _, events) => {
    expect(namesOf(events)).toEqual([name]);
  });

  it("and everything that is wrong is told, with its place", () => {
    const events = [
      commit(1),
      acknowledge(1),
      look("restore", EMPTY, 1_000, "restore"),
      look("later", TORN),
    ];
    expect(findViolations(events)).toMatchObject([
      { name: "lost", at: 2 },
      { name: "torn", at: 3 },
    ]);
  });
});
