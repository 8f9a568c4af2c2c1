import {
  deadlined,
  limited,
  metered,
  prefixed,
  retrying,
  tellingRequests,
  traced,
} from "@headwater/object-store";
import { MemoryStore } from "@headwater/object-store/memory";
import { faulty, objectStoreContract } from "@headwater/object-store/testing";

const open = async () => new MemoryStore();

objectStoreContract({ name: "memory", open });
objectStoreContract({
  name: "memory that can do little",
  open: async () =>
    new MemoryStore({
      supports: {
        conditionalCreate: false,
        conditionalUpdate: false,
        conditionalDelete: false,
        suffixRange: false,
        streamedPut: false,
        streamedConditions: false,
        serverDate: false,
        listedTimestamp: false,
      },
    }),
});
objectStoreContract({
  name: "prefixed(memory)",
  open: async () => {
    const inner = await open();
    const put = (key: string) => inner.put(key, new Uint8Array(1), { condition: { type: "none" } });
    // Neighbours that must never show.
    for (const key of ["p", "p/", "p/0", "p/q.", "p/q0", "p/r", "p/q/"]) await put(key);
    return prefixed(inner, "p/q/");
  },
});
objectStoreContract({ name: "retrying(memory)", open: async () => retrying(await open()) });
objectStoreContract({
  name: "limited(memory)",
  open: async () => limited(await open(), { parallelMax: 3 }),
});
objectStoreContract({ name: "deadlined(memory)", open: async () => deadlined(await open()) });
objectStoreContract({
  name: "traced(memory)",
  open: async () => traced(await open(), { onRequest: () => undefined }),
});
objectStoreContract({
  name: "metered(telling(memory))",
  open: async () => {
    const meter = { sent: () => undefined, ended: () => undefined, retried: () => undefined };
    return metered(tellingRequests(await open()), meter);
  },
});
objectStoreContract({
  name: "faulty(memory) without faults",
  open: async () => faulty(await open(), { rules: [] }),
});
