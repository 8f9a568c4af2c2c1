/**
 * Every limit of this package, each with its reason.
 */

/** Below this, ordinary pauses of a process would lose the lease again and again. */
export const TTL_MS_MIN = 1_000;

/** Above this, a crashed holder would keep the job undone for longer than a person waits. */
export const TTL_MS_MAX = 3_600_000;

/** HTTP dates have steps of a second, so an age made of two of them may be wrong by one. */
export const STORE_DATE_STEP_MS = 1_000;

/** How long Litestream holds a lease unless told otherwise; its record does not say. */
export const FOREIGN_TTL_MS_DEFAULT = 30_000;

/** A record of Litestream's from a machine whose clock is far ahead is not believed past this. */
export const FOREIGN_TTL_MS_MAX = 600_000;

/**
 * How long a look at a lease, or its breaking, waits for an answer. Nothing runs out meanwhile, and
 * stores are far away.
 */
export const LOOK_TIMEOUT_MS = 30_000;

/** How often a waiting contender looks, so that a hand-over takes about a second. */
export const POLL_MS_DEFAULT = 1_000;

/** A record is about 200 bytes. More than this is something else's object. */
export const RECORD_BYTES_MAX = 16_384;

/** An owner is a name for people, on one line of a log. */
export const OWNER_LENGTH_MAX = 256;

/** The first pause after the store failed, and the longest at any TTL. They double in between. */
export const BACKOFF_MS_MIN = 50;
export const BACKOFF_MS_MAX = 5_000;

/**
 * The pause after a store asked to slow down and did not say for how long. Google takes one write
 * of an object per second.
 */
export const BACKOFF_THROTTLED_MS = 1_000;

/** How often a caller's call is tried on a store that fails, before the caller gets to know. */
export const ATTEMPTS_MAX = 5;

/**
 * How many of our own puts are remembered, to know them again. A renewal makes one, or a few when
 * the store fails; no answer is on its way for longer than this many renewals.
 */
export const OWN_NONCES_MAX = 64;
