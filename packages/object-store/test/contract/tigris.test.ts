import { openStore, prefixed } from "@headwater/object-store";
import { objectStoreContract } from "@headwater/object-store/testing";
import { useServer } from "@headwater/servers/testing";
import { describe, it } from "vitest";

// Tigris's own server is not to be had; Ceph speaks the same API and ignores Tigris's header.
const part = "tigris on Ceph";
const answer = await useServer("ceph", `ObjectStore contract: ${part}`);

if (answer.available) {
  const { bucket, ...options } = answer.connection;
  const run = `tigris-${process.pid}`;
  let count = 0;
  objectStoreContract({
    name: part,
    open: async () => {
      const { store } = await openStore(`tigris://${bucket}?forcePathStyle=true`, options);
      count += 1;
      return prefixed(store, `${run}/${count}/`);
    },
  });
} else {
  describe.skip(`ObjectStore contract: ${part}`, () => it(answer.reason, () => undefined));
}
