/**
 * The versions of what was measured.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Database from "better-sqlite3";

const require = createRequire(import.meta.url);

export function versionFacts(): Readonly<Record<string, string>> {
  const memory = new Database(":memory:");
  const sqlite = memory.prepare("select sqlite_version()").pluck().get() as string;
  memory.close();
  return {
    "better-sqlite3": packageVersion("better-sqlite3"),
    "sqlite of better-sqlite3": sqlite,
    "litestream-vfs": packageVersion("litestream-vfs"),
    "@headwater/node-binding": packageVersion("@headwater/node-binding"),
  };
}

function packageVersion(name: string): string {
  const manifest = readFileSync(require.resolve(`${name}/package.json`), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
