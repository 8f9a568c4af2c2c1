export { forgetMemoryBucket, memoryBucket } from "./memory-buckets.ts";
export { MemoryBucket, MemoryStore, type MemoryStoreOptions } from "./memory-store.ts";
