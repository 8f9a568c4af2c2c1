/**
 * Adds to the number in an object of a file store: `increment.ts ROOT KEY COUNT NAME`. Prints a
 * line for each addition once it is done, so that a killed process leaves a trace of what it did.
 */

import { writeSync } from "node:fs";
import { ObjectStoreError } from "@headwater/object-store";
import { FileStore } from "@headwater/object-store/file";

const [root = "", key = "", count = "", name = ""] = process.argv.slice(2);
const store = new FileStore({ root, fsync: false });
const decoder = new TextDecoder();
const encoder = new TextEncoder();
for (let step = 0; step < Number(count); ) {
  const { meta, body } = await store.get(key);
  const value = Number(decoder.decode(body));
  // The same bytes may come again later: versions must differ by themselves.
  const next = encoder.encode(`${value + 1}`);
  try {
    const condition = { type: "if-version", version: meta.version } as const;
    await store.put(key, next, { condition });
    writeSync(1, `${name} ${value + 1}\n`);
    step += 1;
  } catch (error) {
    if (!ObjectStoreError.is(error, "OBJECT_CHANGED", "UNAVAILABLE")) throw error;
  }
}
