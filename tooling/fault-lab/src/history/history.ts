/**
 * What happened in a run, in order, as far as somebody was told or could see it.
 */

/** A commit of a database, named by its number in the run, 1 and up. */
export type CommitId = number;

export type LookKind =
  /** All of a replica, without the engine, as a restore would have it. */
  | "restore"
  /** What a mount shows first, or after it was told to look for what is new. */
  | "fresh"
  /** What a mount shows some time later. */
  | "later";

export type HistoryEvent =
  /** A process was told that its COMMIT happened, or never lived to be told. */
  | {
      readonly type: "commit";
      readonly id: CommitId;
      /** The commit that it saw when it began. Undefined: an empty database. */
      readonly parent: CommitId | undefined;
      readonly by: string;
    }
  /** A process was told that its COMMIT failed, and is still able to write. */
  | { readonly type: "rollback"; readonly id: CommitId; readonly by: string }
  /** A process was told that this commit and all before it are in the bucket. */
  | { readonly type: "acknowledge"; readonly id: CommitId; readonly by: string }
  | {
      readonly type: "look";
      readonly kind: LookKind;
      /** Who looks. One who looks again never sees less. */
      readonly by: string;
      /** How many events there were when the look began. */
      readonly begun: number;
      readonly found: Found;
    }
  /** What a process sees of a journal: its own, or one that outlived the process before it. */
  | {
      readonly type: "recover";
      readonly by: string;
      /** The last commit that was made on that journal and must be there. */
      readonly last: CommitId;
      readonly found: Found;
    }
  /** A process was refused because somebody else is said to have written. */
  | {
      readonly type: "refuse";
      readonly by: string;
      readonly code: string;
      readonly journal: string;
      /** The journal that the newest file in the bucket came from, in truth. */
      readonly newest: string | undefined;
    }
  /** An error that nothing that was done to the process explains. */
  | { readonly type: "error"; readonly by: string; readonly text: string }
  /** All faults were over, and still nothing could be written. */
  | { readonly type: "stuck"; readonly text: string };

/** What the pages say together. */
export type Found =
  | { readonly type: "commit"; readonly id: CommitId }
  /** There is no database yet. */
  | { readonly type: "empty" }
  /** Pages that no sequence of commits produced. */
  | { readonly type: "torn"; readonly why: string };

export class History {
  readonly events: HistoryEvent[] = [];
  #commitCount = 0;

  /** For `begun`: everything recorded before now. */
  get mark(): number {
    return this.events.length;
  }

  nextCommitId(): CommitId {
    return this.#commitCount + 1;
  }

  add(event: HistoryEvent): void {
    if (event.type === "commit") this.#commitCount = event.id;
    this.events.push(event);
  }
}
