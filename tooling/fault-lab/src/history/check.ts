/**
 * The one property that matters, as a function of a history: what was acknowledged is in every
 * later restore, in order; what was committed but not acknowledged is there wholly or not at all;
 * nobody ever sees a state that no sequence of commits produced.
 *
 * Commits form a tree, since each names the one that it was made on. All that was acknowledged, and
 * all that a restore shows, must lie on one way from the root.
 */

import type { CommitId, Found, HistoryEvent } from "./history.ts";

export type ViolationName =
  /** Acknowledged, and not there. */
  | "lost"
  /** A state that no sequence of commits produced. */
  | "torn"
  /** Somebody saw less than before. */
  | "back"
  /** Two acknowledged commits, of which neither came after the other. */
  | "forked"
  /** A COMMIT that had failed happened all the same. */
  | "undead"
  /** A commit that was on the local disk is gone from there. */
  | "forgotten"
  /** Refused for the sake of another writer that there is not. */
  | "false-conflict"
  | "unexplained-error"
  | "stuck";

export interface Violation {
  readonly name: ViolationName;
  /** Place in the history. */
  readonly at: number;
  readonly text: string;
}

export function findViolations(events: readonly HistoryEvent[]): Violation[] {
  const checker = new Checker();
  for (const event of events) checker.take(event);
  return checker.violations;
}

interface Acknowledgement {
  readonly at: number;
  readonly id: CommitId;
}

class Checker {
  readonly violations: Violation[] = [];
  readonly #tree = new Tree();
  /** Each newer than the one before. */
  readonly #acknowledged: Acknowledgement[] = [];
  readonly #rolledBack = new Set<CommitId>();
  readonly #lastSeen = new Map<string, Found>();
  #at = 0;

  take(event: HistoryEvent): void {
    switch (event.type) {
      case "commit":
        this.#tree.add(event.id, event.parent);
        break;
      case "rollback":
        this.#rolledBack.add(event.id);
        break;
      case "acknowledge":
        this.#acknowledge(event.id, event.by);
        break;
      case "look":
        this.#look(event);
        break;
      case "recover":
        this.#recover(event);
        break;
      case "refuse":
        this.#refuse(event);
        break;
      case "error":
        this.#report("unexplained-error", `${event.by}: ${event.text}`);
        break;
      case "stuck":
        this.#report("stuck", event.text);
        break;
    }
    this.#at += 1;
  }

  #acknowledge(id: CommitId, by: string): void {
    const newest = this.#acknowledged.at(-1)?.id;
    if (newest !== undefined && this.#tree.isWithin(id, newest)) return;
    if (newest !== undefined && !this.#tree.isWithin(newest, id)) {
      const text = `${by} was told that ${id} is durable, which does not contain ${newest}`;
      this.#report("forked", text);
    }
    this.#acknowledged.push({ at: this.#at, id });
  }

  #look({ by, kind, begun, found }: Extract<HistoryEvent, { type: "look" }>): void {
    if (found.type === "torn") {
      this.#report("torn", `${by} saw ${found.why}`);
      return;
    }
    this.#lookForUndead(found, by);
    const must = kind === "later" ? undefined : this.#acknowledgedBefore(begun);
    if (must !== undefined && !this.#contains(found, must)) {
      this.#report("lost", `${by} saw ${nameOf(found)} (${kind}), and not ${must}`);
    }
    const last = this.#lastSeen.get(by);
    if (last?.type === "commit" && !this.#contains(found, last.id)) {
      this.#report("back", `${by} saw ${nameOf(found)} after ${last.id}`);
    }
    this.#lastSeen.set(by, found);
  }

  #recover({ by, last, found }: Extract<HistoryEvent, { type: "recover" }>): void {
    if (found.type === "torn") this.#report("torn", `${by} recovered ${found.why}`);
    else if (!this.#contains(found, last)) {
      this.#report("forgotten", `${by} recovered ${nameOf(found)}, and not ${last}`);
    }
  }

  #lookForUndead(found: Found, by: string): void {
    for (const id of this.#rolledBack) {
      if (!this.#contains(found, id)) continue;
      this.#report("undead", `${by} saw ${nameOf(found)}, and ${id} in it, which had failed`);
    }
  }

  #refuse({ by, code, journal, newest }: Extract<HistoryEvent, { type: "refuse" }>): void {
    if (newest !== undefined && newest !== journal) return;
    const whose = newest === undefined ? "no file" : "its own file";
    this.#report("false-conflict", `${by} got ${code}, but the bucket ends with ${whose}`);
  }

  #acknowledgedBefore(mark: number): CommitId | undefined {
    return this.#acknowledged.findLast(({ at }) => at < mark)?.id;
  }

  #contains(found: Found, id: CommitId): boolean {
    return found.type === "commit" && this.#tree.isWithin(id, found.id);
  }

  #report(name: ViolationName, text: string): void {
    this.violations.push({ name, at: this.#at, text });
  }
}

function nameOf(found: Found): string {
  switch (found.type) {
    case "commit":
      return `commit ${found.id}`;
    case "empty":
      return "no database";
    case "torn":
      return found.why;
  }
}

class Tree {
  readonly #nodes = new Map<CommitId, { readonly parent: CommitId | undefined; depth: number }>();

  add(id: CommitId, parent: CommitId | undefined): void {
    const depth = parent === undefined ? 0 : this.#node(parent).depth + 1;
    this.#nodes.set(id, { parent, depth });
  }

  /** Whether the database of `whole` came from that of `part`, or is it. */
  isWithin(part: CommitId, whole: CommitId): boolean {
    const { depth } = this.#node(part);
    let at: CommitId | undefined = whole;
    while (at !== undefined && this.#node(at).depth > depth) at = this.#node(at).parent;
    return at === part;
  }

  #node(id: CommitId) {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new RangeError(`no commit ${id} in this history`);
    return node;
  }
}
