/**
 * A program that writes notes, uploads the first, and is killed: its journal holds the others.
 */

import { openDatabase } from "@headwater/node-binding";

const [, , url = "", journalDir = "", ...keys] = process.argv;
const writer = await openDatabase({
  url,
  mode: "write",
  journalDir,
  syncIntervalMs: 3_600_000,
  compaction: "off",
  // Whoever comes next need not wait for long.
  lease: { ttlMs: 5000, waitMs: 60_000 },
});
writer.database.exec("create table if not exists notes(key text primary key, body text)");
for (const [index, key] of keys.entries()) {
  writer.database.prepare("insert into notes values (?, ?)").run(key, `note ${key}`);
  if (index === 0) await writer.flush();
}
process.kill(process.pid, "SIGKILL");
