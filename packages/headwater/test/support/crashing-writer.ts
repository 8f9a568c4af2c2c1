/**
 * A program that commits, uploads some of it, and is killed: its journal holds the rest.
 */

import { openDatabase } from "@headwater/node-binding";

const [, , url = "", journalDir = ""] = process.argv;
const writer = await openDatabase({
  url,
  mode: "write",
  journalDir,
  syncIntervalMs: 3_600_000,
  compaction: "off",
  // Whoever comes next need not wait for long.
  lease: { ttlMs: 2000 },
});
writer.database.exec("begin; create table t(n); insert into t values (1), (2); commit");
await writer.flush();
writer.database.exec("insert into t values (3)");
writer.database.exec("insert into t values (4)");
process.kill(process.pid, "SIGKILL");
