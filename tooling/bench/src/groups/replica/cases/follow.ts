/**
 * Point reads while a writer in another process changes 500 pages a second, and while that writer
 * has nothing to do: what following takes from readers.
 *
 *   - unchanged rows: of a table that nobody writes to. All its pages are in memory.
 *   - changing rows: of the table that is written to, every row of which changes within four
 *     seconds, to bytes that do not compress.
 *
 * Windows of idleness, of writing, and of idleness again, by which one sees what differs by chance.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { SQL } from "../../../dataset/schema.ts";
import { type Random, randomBetween, seededRandom } from "../../../seeded-random.ts";
import type { Session } from "../child/session.ts";
import { PageWriter } from "../child/start-page-writer.ts";
import type { Samples } from "../job.ts";
import type { ReplicaCase, Work } from "../replica-case.ts";

const TABLE_PAGES = 2000;
const PAGES_PER_SECOND = 500;
/** Of 4096 bytes, and what the pace may miss of it. */
const CHANGED_MB_MIN = 0.95 * 2.048;
const WINDOW_MS = 6000;
const WINDOW_MS_BRIEF = 300;
/** From a change to the first reader that has to take it in, and that nothing more comes. */
const SETTLE_MS = 3000;
const READS_PER_BATCH = 50;

const BLOB_BY_KEY = "select substr(body, 1, 8) from blobs where id = ?";

export const follow: ReplicaCase = {
  name: "follow",
  title: `Point reads while another process changes ${PAGES_PER_SECOND} pages a second`,
  contenders: ["headwater"],
  mode: "read",
  hydrate: false,
  hasWriter: true,
  repeat: 3,
  warmUps: 0,
  at: [{ sizeMb: 20, latencyMs: 20 }],
  prepares: true,
  measures: {
    "unchanged rows, idle": true,
    "unchanged rows, busy": true,
    "unchanged rows, idle again": true,
    "changing rows, idle": true,
    "changing rows, busy": true,
    "changing rows, idle again": true,
    changed: true,
  },
  units: { changed: "MB/s" },
  async measure(work) {
    const { replicaUrl: url, folder, seed, brief } = work.job;
    const pace = { tablePages: TABLE_PAGES, pagesPerSecond: PAGES_PER_SECOND };
    await using writer = await PageWriter.start({ url, folder, ...pace });
    const session = await work.open();
    const settle = async () => {
      await sleep(brief ? WINDOW_MS_BRIEF : SETTLE_MS);
      readAll(session);
    };
    await settle();
    await work.prepared();
    const random = seededRandom(seed);
    const before = measureWindow(work, session, { random, name: "idle" });
    writer.go();
    await settle();
    const meanwhile = await followed(work, session, { random, name: "busy" });
    const changedMb = await writer.stop();
    if (changedMb < CHANGED_MB_MIN && !brief) {
      throw new Error(`the writer itself could not keep the pace: ${changedMb} MB/s`);
    }
    await settle();
    const after = measureWindow(work, session, { random, name: "idle again" });
    return { ...before, ...meanwhile, ...after, changed: [changedMb] };
  },
};

interface Window {
  readonly random: Random;
  readonly name: string;
}

function readAll({ sql }: Session): void {
  sql.prepare(SQL.scan).get();
  sql.prepare("select sum(length(body)) from blobs").get();
}

/** A window in which the reader has seen new transactions. */
async function followed(work: Work, session: Session, window: Window): Promise<Samples> {
  const txid = async () => (await session.status?.())?.txid;
  const first = await txid();
  const samples = measureWindow(work, session, window);
  if ((await txid()) === first && !work.job.brief) throw new Error("nothing was followed");
  return samples;
}

/** Milliseconds per read of each kind, over all of the window. */
function measureWindow({ job }: Work, { sql }: Session, { random, name }: Window): Samples {
  const kinds = [
    { kind: "unchanged rows", statement: sql.prepare(SQL.byKey), first: 1, last: job.orderCount },
    { kind: "changing rows", statement: sql.prepare(BLOB_BY_KEY), first: 0, last: TABLE_PAGES - 1 },
  ].map((one) => ({ ...one, elapsedMs: 0, readCount: 0 }));
  const began = performance.now();
  let last = began;
  while (last - began < (job.brief ? WINDOW_MS_BRIEF : WINDOW_MS)) {
    for (const one of kinds) {
      for (let i = 0; i < READS_PER_BATCH; i += 1) {
        const id = randomBetween(random, one.first, one.last);
        if (one.statement.get(id) === undefined) throw new Error(`row ${id} is missing`);
      }
      const now = performance.now();
      one.elapsedMs += now - last;
      one.readCount += READS_PER_BATCH;
      last = now;
    }
  }
  return Object.fromEntries(
    kinds.map(({ kind, elapsedMs, readCount }) => [`${kind}, ${name}`, [elapsedMs / readCount]]),
  );
}
