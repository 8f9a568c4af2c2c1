import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { OpenedDatabase } from "../../src/index.ts";
import { findDifference } from "../support/database-file.ts";
import { dump, findDumpDifference } from "../support/dump.ts";
import { eventually } from "../support/eventually.ts";
import { Litestream, litestreamProblem } from "../support/litestream.ts";
import { openReader, openWriter } from "../support/mounts.ts";
import { azureStore, fileStore, gcsStore, s3Store } from "../support/stores.ts";
import { tempDir } from "../support/temp-dir.ts";

const problem = litestreamProblem();
const suffix = problem === undefined ? "" : ` (not run: ${problem})`;

const part = "Litestream reading on servers what was compacted";
const SERVERS = [await s3Store("ceph", part), await azureStore(part), await gcsStore(part)];

/** Level 0 goes at once; what was promised for longer stays. */
const SOON = {
  levelIntervalsMs: [200, 600, 1200],
  snapshotIntervalMs: 1800,
  level0RetentionMs: 1,
  retentionIntervalMs: 100,
};

const ROUNDS: readonly (readonly string[])[] = [
  [
    "create table notes(id integer primary key, body text)",
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
     insert into notes(body) select printf('%d %.*c', i, (i * 31) % 200, 'y') from n`,
  ],
  ["delete from notes where id % 10 <> 0", "vacuum", "update notes set body = 'short'"],
  [
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)
     insert into notes(body) select printf('again %d %.*c', i, i % 300, 'z') from n`,
    "create index notes_body on notes(body)",
  ],
];

/** Of level 0: the newest file, and the one with which the writer began. */
const KEPT = 2;

const SUMMARY = "select count(*) || ' ' || total(length(body)) from notes";

/** Names of the files of one level, oldest first. */
function namesOf(folder: string, level: number): string[] {
  const path = join(folder, "ltx", String(level));
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((name) => name.endsWith(".ltx"))
    .sort();
}

async function untilCompacted({ status }: OpenedDatabase, folder: string): Promise<void> {
  await eventually("everything but the newest file is compacted", async () => {
    const { compaction, txid } = await status();
    for (const { lastError } of compaction!.jobs) expect(lastError).toBeUndefined();
    const end = `${txid.toString(16).padStart(16, "0")}.ltx`;
    const isCompacted = namesOf(folder, 1).at(-1)?.endsWith(end) === true;
    return isCompacted && namesOf(folder, 0).length === KEPT ? true : undefined;
  });
}

describe("Litestream on a replica that was compacted", () => {
  it.runIf(problem === undefined)(
    `reads, hydrates and travels in time${suffix}`,
    async () => {
      const place = fileStore.place();
      const folder = fileURLToPath(place.options.url);
      const writer = await openWriter({ ...place.options, compaction: SOON });
      const moments: { readonly time: string; readonly summary: unknown }[] = [];
      for (const round of ROUNDS) {
        for (const sql of round) {
          writer.database.exec(sql);
          await writer.flush();
        }
        await untilCompacted(writer, folder);
        const time = new Date().toISOString();
        moments.push({ time, summary: writer.database.prepare(SUMMARY).pluck().get() });
      }
      expect(moments.map(({ summary }) => summary)).toEqual([...new Set(moments.map(summaryOf))]);
      await eventually("a snapshot", () => (namesOf(folder, 9).length > 0 ? true : undefined));
      expect(namesOf(folder, 0)).toHaveLength(KEPT);

      const litestream = new Litestream({ ...place.litestream, hydrate: true });
      await litestream.open();
      const expected = await dump(writer.database);
      expect(findDumpDifference(await litestream.dump(), expected)).toBeUndefined();
      expect(await litestream.integrity()).toBe("ok");
      const theirs = await litestream.hydratedCopy();
      const ours = join(tempDir(), "ours.db");
      const reader = await openReader({ ...place.options, hydrate: { path: ours } });
      await reader.hydrated();
      expect(findDumpDifference(await dump(reader.database), expected)).toBeUndefined();
      await reader.close();
      expect(findDifference(theirs, ours)).toBeUndefined();
      await litestream.close();

      // Hydration that ends after a connection was moved to the past brings it back to the present.
      const past = new Litestream(place.litestream);
      await past.open();
      for (const { time, summary } of moments) {
        await past.exec(`pragma litestream_time = '${time}'`);
        expect(await past.value(SUMMARY), time).toBe(summary);
      }
    },
    60_000,
  );
});

describe.each(SERVERS)("Litestream after compaction on $name", (store) => {
  it.runIf(problem === undefined && store.problem === undefined)(
    `reads and hydrates what is left${suffix}`,
    async () => {
      const place = store.place();
      const writer = await openWriter({ ...place.options, compaction: SOON });
      for (const sql of ROUNDS.flat()) {
        writer.database.exec(sql);
        await writer.flush();
      }
      await eventually("all files of level 0 that nothing keeps are deleted", async () => {
        const { compaction, txid } = await writer.status();
        for (const { lastError } of compaction!.jobs) expect(lastError).toBeUndefined();
        const deletedCount = compaction!.jobs.find(({ name }) => name === "retention")!.fileCount;
        return deletedCount === Number(txid) - KEPT ? true : undefined;
      });
      const expected = await dump(writer.database);
      const litestream = new Litestream({ ...place.litestream, hydrate: true });
      await litestream.open();
      expect(findDumpDifference(await litestream.dump(), expected)).toBeUndefined();
      const theirs = await litestream.hydratedCopy();
      const ours = join(tempDir(), "ours.db");
      const reader = await openReader({ ...place.options, hydrate: { path: ours } });
      await reader.hydrated();
      expect(findDumpDifference(await dump(reader.database), expected)).toBeUndefined();
      await reader.close();
      expect(findDifference(theirs, ours)).toBeUndefined();
    },
    60_000,
  );
});

function summaryOf({ summary }: { readonly summary: unknown }): unknown {
  return summary;
}
