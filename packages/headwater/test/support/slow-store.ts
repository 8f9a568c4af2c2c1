/**
 * A replica that takes its time with large ranges: a store of the user's own over a folder.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { headwaterJson } from "./headwater.ts";

/** Large enough to come in many pieces. */
const BLOBS = 40;

const CODE = (fileStore: string) => `
    import { FileStore } from ${JSON.stringify(fileStore)};
    export default ({ root, delayMs }) => {
      const store = new FileStore({ root });
      const get = store.get.bind(store);
      store.get = async (key, options) => {
        if (options?.range?.length > 1000000) {
          const pauseMs = delayMs * (1 + options.range.offset / 4e6);
          await new Promise((resolve) => setTimeout(resolve, pauseMs));
        }
        return get(key, options);
      };
      return { store, path: "" };
    };`;

/** Makes a database at `origin` and its replica. Gives the words that name that, so slow. */
export async function makeSlowStore(
  folder: string,
  origin: string,
): Promise<(delayMs: number) => readonly string[]> {
  const database = new Database(origin);
  database.exec("create table blobs(data)");
  const insert = database.prepare("insert into blobs values (randomblob(1000000))");
  for (let count = 0; count < BLOBS; count += 1) insert.run();
  database.close();
  const root = join(folder, "replica");
  await headwaterJson(["import", root, origin]);
  const module = join(folder, "slow-store.mjs");
  writeFileSync(module, CODE(import.meta.resolve("@headwater/object-store/file")));
  return (delayMs) => [
    `module:${module}`,
    ...["--store-option", `root=${root}`, "--store-option", `delayMs=${delayMs}`],
  ];
}
