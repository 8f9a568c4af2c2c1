/**
 * A process in which litestream-vfs opens the bank, looks at it, and closes it, again and again: a
 * connection that stays open is let down by defects of its own.
 */

import { createRequire } from "node:module";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { audit } from "../bank-database.ts";
import { fail, readTask, tell } from "../news.ts";

const PAUSE_MS = 200;

const { name } = readTask();

const { getLoadablePath } = createRequire(import.meta.url)("litestream-vfs") as {
  getLoadablePath(): string;
};

async function main(): Promise<never> {
  const loader = new DatabaseSync(":memory:", { allowExtension: true });
  loader.loadExtension(getLoadablePath());
  for (let count = 1; ; count += 1) {
    // The replica's URL is in the environment.
    const database = new DatabaseSync(`file:${name}-${count}.db?vfs=litestream`);
    const query = (sql: string) => {
      const statement = database.prepare(sql);
      statement.setReturnArrays(true);
      return statement.all() as unknown as unknown[][];
    };
    database.exec("begin");
    tell({ type: count === 1 ? "opened" : "looked", audit: audit(query) });
    database.exec("commit");
    database.close();
    await sleep(PAUSE_MS);
  }
}

main().catch(fail);
