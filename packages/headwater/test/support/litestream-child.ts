/**
 * Opens a replica with litestream-vfs, waits until it is hydrated, and copies the file.
 *
 * The progress that it tells may be 100 before it is done; its log says when that is.
 */

import { copyFileSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

const [, , path = ""] = process.argv;
const { getLoadablePath } = createRequire(import.meta.url)("litestream-vfs") as {
  getLoadablePath(): string;
};
const loader = new DatabaseSync(":memory:", { allowExtension: true });
loader.loadExtension(getLoadablePath());
const database = new DatabaseSync("file:app.db?vfs=litestream");
database.prepare("select count(*) from sqlite_schema").get();
while (!readFileSync(`${path}.log`, "utf8").includes("hydration complete")) await sleep(50);
copyFileSync(`${path}.hydrating`, path);
process.exit(0);
