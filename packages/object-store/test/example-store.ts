import { DatabaseSync } from "node:sqlite";
import { keyValueStore, type ListedEntry, type StoredEntry } from "@headwater/object-store";

/** Objects as rows of an ordinary SQLite file, for all threads and processes that open it. */
export default function openSqliteStore({ file }: { file: string }) {
  const db = new DatabaseSync(file, { timeout: 10_000 });
  db.exec(`pragma journal_mode = wal; create table if not exists object
    (key text primary key, body, version, lastModifiedMs, timestampMs) without rowid`);
  const get = db.prepare("select * from object where key = ?");
  const list = db.prepare(`select key, length(body) as size, version, lastModifiedMs, timestampMs
    from object where instr(key, ?) = 1`);
  const add = db.prepare(`insert or ignore into object
    values ($key, $body, $version, $lastModifiedMs, $timestampMs)`);
  const set = db.prepare(`update object set body = $body, version = $version,
    lastModifiedMs = $lastModifiedMs, timestampMs = $timestampMs
    where key = $key and version = $expected`);
  const remove = db.prepare("delete from object where key = ? and version = ?");
  return keyValueStore({
    name: `sqlite:${file}`,
    get: (key) => get.get(key) as StoredEntry | undefined,
    list: (prefix) => list.all(prefix) as unknown as ListedEntry[],
    swap(key, expected, entry) {
      if (entry === undefined) return remove.run(key, expected ?? null).changes === 1;
      if (expected === undefined) return add.run({ key, ...entry }).changes === 1;
      return set.run({ key, ...entry, expected }).changes === 1;
    },
    close: () => db.close(),
  });
}
