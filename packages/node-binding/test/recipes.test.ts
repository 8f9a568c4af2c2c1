/**
 * The recipes for ORMs, run as they are pasted; only the URL of the bucket becomes a folder.
 * What a recipe says that it has uploaded is looked for by somebody who only has the bucket.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { queryOf } from "./support/dump.ts";
import { openReader } from "./support/mounts.ts";
import { programFolder } from "./support/recipe.ts";
import { tempDir } from "./support/temp-dir.ts";

// Each recipe is a process of its own, and takes its time on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

const RECIPES = new URL("../../../docs/recipes/", import.meta.url);

function codeOf(recipe: string): string {
  const text = readFileSync(new URL(`${recipe}.md`, RECIPES), "utf8");
  const blocks = [...text.matchAll(/```ts\n([\s\S]*?)```/g)];
  expect(blocks.length).toBe(1);
  return blocks[0]![1]!;
}

const ORMS = [
  ["drizzle", "drizzle-orm", "from Drizzle"],
  ["kysely", "kysely", "from Kysely"],
  ["knex", "knex", "from Knex"],
  ["prisma", "@prisma/adapter-better-sqlite3", "from Prisma"],
] as const;

describe("the recipe for an ORM", () => {
  it.each(ORMS)("%s migrates, writes, reads and flushes", async (recipe, orm, body) => {
    const url = `file://${tempDir()}/app.db`;
    const code = codeOf(recipe).replaceAll("s3://bucket/app.db", url);
    const folder = programFolder({ files: new Map([["program.ts", code]]) }, [orm]);
    const program = join(folder, "program.ts");
    const args = ["--conditions=@headwater/source", "--no-warnings", program];
    const said = execFileSync(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, XDG_STATE_HOME: join(folder, "state") },
      encoding: "utf8",
      timeout: 60_000,
    });
    const [, txid] = /^in the bucket, at transaction (\d+)$/m.exec(said) ?? [];
    const reader = await openReader({ url });
    expect((await reader.status()).txid).toBe(BigInt(txid!));
    expect(queryOf(reader.database)("select body from note")).toEqual([[body]]);
  });
});
