import { MemoryBucket, MemoryStore } from "@headwater/object-store/memory";
import { leaseContract } from "../../src/testing/index.ts";

const bucket = new MemoryBucket("lease");

leaseContract({ name: "memory", open: async () => new MemoryStore({ bucket }) });
