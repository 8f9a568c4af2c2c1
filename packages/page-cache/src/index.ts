export { bufferMemory, type CacheMemory } from "./cache-memory.ts";
export {
  bucketOf,
  byteLengthFor,
  type CacheLayout,
  FRAME_BYTES,
  FRAME_WORD,
  FRAME_WORDS,
  frameCountFor,
  HEADER_BYTES,
  HEADER_WORD,
  LAYOUT_VERSION,
  layOut,
  MAGIC,
} from "./layout.ts";
export { CACHE_BYTES_MAX, FRAMES_MIN } from "./limits.ts";
export { PageCache, type PageCacheOptions, type PageCacheStats } from "./page-cache.ts";
export { Sieve, type TakeVisited } from "./sieve.ts";
