import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { expect, it, vi } from "vitest";
import { openDatabaseLock } from "../src/database/database-lock.ts";
import { tempDir } from "./support/temp-dir.ts";

vi.setConfig({ testTimeout: 60_000 });

const READER = new URL("./support/relay-reader.ts", import.meta.url);

it("is had although somebody reads at every moment", async () => {
  const path = join(tempDir(), "app.db");
  const database = new DatabaseSync(path);
  database.exec("create table t(n)");
  database.close();
  const counts = new Int32Array(new SharedArrayBuffer(12));
  const readers = [0, 1].map(
    (self) => new Worker(READER, { workerData: { path, self, counts }, execArgv: [] }),
  );
  const ends = readers.map((reader) => new Promise((resolve) => reader.once("exit", resolve)));
  try {
    while (Math.min(counts[0]!, counts[1]!) < 3) await new Promise((go) => setTimeout(go, 10));
    using lock = openDatabaseLock(path);
    const unlock = await lock.lock(AbortSignal.timeout(30_000));
    const reader = new DatabaseSync(path, { readOnly: true });
    expect(() => reader.exec("select count(*) from t")).toThrow(/locked/);
    unlock();
    reader.exec("select count(*) from t");
    reader.close();
  } finally {
    Atomics.store(counts, 2, 1);
    await Promise.all(ends);
  }
});
