/** Every limit of this package, each with its reason. */

/** Positions in the memory are unsigned 32-bit numbers, here and in the readers. */
export const CACHE_BYTES_MAX = 2 ** 32;

/** Below this a scan that reads ahead would evict what it has just fetched. */
export const FRAMES_MIN = 16;

/** The page sizes of SQLite. */
export const PAGE_SIZE_MIN = 512;
export const PAGE_SIZE_MAX = 65_536;

/** Of the frames, the share that pages have to themselves which came ahead of their use. */
export const PROTECTED_SHARE = 4;

/**
 * Of the frames, the share that may hold pinned pages. The interior pages of a database are a few
 * hundredths of a cache that holds a tenth of it; what is more comes from keys so long that pages
 * of keys and pages of rows are worth the same.
 */
export const PINNED_SHARE = 4;
