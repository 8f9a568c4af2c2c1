/** Every limit of this package, each with its reason. */

/** Positions in the memory are unsigned 32-bit numbers, here and in the readers. */
export const CACHE_BYTES_MAX = 2 ** 32;

/** Below this a scan that reads ahead would evict what it has just fetched. */
export const FRAMES_MIN = 16;

/** The page sizes of SQLite. */
export const PAGE_SIZE_MIN = 512;
export const PAGE_SIZE_MAX = 65_536;

/** Of the frames, this share was inserted too recently to be evicted: room for reading ahead. */
export const PROTECTED_SHARE = 4;
