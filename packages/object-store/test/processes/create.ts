/**
 * Races to create objects of a file store: `create.ts ROOT COUNT NAME`. Prints the keys it won.
 */

import { ObjectStoreError } from "@headwater/object-store";
import { FileStore } from "@headwater/object-store/file";

const [root = "", count = "", name = ""] = process.argv.slice(2);
const store = new FileStore({ root, fsync: false });
const body = new TextEncoder().encode(name);
for (let step = 0; step < Number(count); step += 1) {
  try {
    await store.put(`race/${step}`, body, { condition: { type: "if-absent" } });
    process.stdout.write(`${step}\n`);
  } catch (error) {
    if (!ObjectStoreError.is(error, "OBJECT_EXISTS")) throw error;
  }
}
