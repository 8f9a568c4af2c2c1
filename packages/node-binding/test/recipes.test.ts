/**
 * The recipes, run as they are pasted; only the URL of the bucket becomes a folder of the test.
 * What a recipe says that it has uploaded is looked for by somebody who only has the bucket.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { queryOf } from "./support/dump.ts";
import { openReader } from "./support/mounts.ts";

const RECIPES = new URL("../../../docs/recipes/", import.meta.url);
// Inside the package, so that the imports of the pasted code are found.
const folder = mkdtempSync(fileURLToPath(new URL("./.recipes-", import.meta.url)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function codeOf(recipe: string): string {
  const text = readFileSync(new URL(`${recipe}.md`, RECIPES), "utf8");
  const blocks = [...text.matchAll(/```ts\n([\s\S]*?)```/g)];
  expect(blocks.length).toBe(1);
  return blocks[0]![1]!;
}

const ORMS = [
  ["drizzle", "from Drizzle"],
  ["kysely", "from Kysely"],
  ["knex", "from Knex"],
  ["prisma", "from Prisma"],
] as const;

describe("the recipe for an ORM", () => {
  it.each(ORMS)("%s migrates, writes, reads and flushes", async (recipe, body) => {
    const url = `file://${folder}/${recipe}.db`;
    const program = join(folder, `${recipe}.ts`);
    writeFileSync(program, codeOf(recipe).replaceAll("s3://bucket/app.db", url));
    const args = ["--conditions=@headwater/source", "--no-warnings", program];
    const said = execFileSync(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, XDG_STATE_HOME: join(folder, "state") },
      encoding: "utf8",
      timeout: 20_000,
    });
    const [, txid] = /^in the bucket, at transaction (\d+)$/m.exec(said) ?? [];
    const reader = await openReader({ url });
    expect((await reader.status()).txid).toBe(BigInt(txid!));
    expect(queryOf(reader.database)("select body from note")).toEqual([[body]]);
  });
});
