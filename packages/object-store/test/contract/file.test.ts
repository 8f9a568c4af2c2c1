import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deadlined, limited, prefixed, retrying } from "@headwater/object-store";
import { FileStore } from "@headwater/object-store/file";
import { objectStoreContract } from "@headwater/object-store/testing";
import { afterAll } from "vitest";

const folder = await mkdtemp(join(tmpdir(), "object-store-"));
let count = 0;

afterAll(() => rm(folder, { recursive: true }));

const open = async () => new FileStore({ root: join(folder, `${count++}`), fsync: false });

objectStoreContract({ name: "file", open });
objectStoreContract({
  name: "file with fsync",
  open: async () => new FileStore({ root: join(folder, `${count++}`) }),
});
objectStoreContract({
  name: "retrying(limited(deadlined(prefixed(file))))",
  open: async () =>
    retrying(limited(deadlined(prefixed(await open(), "a/b/")), { parallelMax: 16 })),
});
