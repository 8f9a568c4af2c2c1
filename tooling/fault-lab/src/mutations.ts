/**
 * The engine and what it stands on, broken on purpose: the checker must find out.
 */

export const MUTATIONS = {
  "ignored-conditions": "the store overwrites what it must only create",
  "unchecked-lease": "every writer is told that the lease is its own",
  "forgotten-intent": "what is about to be uploaded is not written down",
  "ignored-flush": "what the disk was told to flush is not flushed",
  "hasty-commit": "a COMMIT that waits for the bucket returns at once",
  "blind-promotion": "a reader that becomes a writer sees the replica as it was seconds ago",
  "forgotten-image": "what is written to a local image is not there",
  "lazy-follower": "a follower that is told to look for what is new does not look",
} as const;

export type Mutation = keyof typeof MUTATIONS;

export const MUTATION_NAMES = Object.keys(MUTATIONS) as readonly Mutation[];
