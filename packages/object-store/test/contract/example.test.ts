import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "@headwater/object-store";
import { objectStoreContract } from "@headwater/object-store/testing";
import { afterAll } from "vitest";

const folder = await mkdtemp(join(tmpdir(), "object-store-"));
const module = new URL("../example-store.ts", import.meta.url);
let count = 0;

afterAll(() => rm(folder, { recursive: true }));

objectStoreContract({
  name: "the README's store, over SQLite, loaded as a module",
  open: async () => {
    count += 1;
    return (await openStore({ module, options: { file: join(folder, `${count}.db`) } })).store;
  },
});
