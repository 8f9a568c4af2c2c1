/** What the program ends with, for scripts. */

export const EXIT = {
  ok: 0,
  /** It could not be done. */
  failure: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** `verify`: something is wrong with the replica, or it is not what it was compared with. */
  damaged: 3,
} as const;

/** A command line that makes no sense, in one sentence. */
export class UsageError extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = "UsageError";
  }
}
