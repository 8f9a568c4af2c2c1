/**
 * The same statements on an ordinary file and on a replica: equal results.
 *
 * HEADWATER_WORKLOAD_SEED runs one seed, HEADWATER_WORKLOAD_SEEDS so many.
 */

import { join } from "node:path";
import { SeededRandom } from "@headwater/ltx/testing";
import { describe, it } from "vitest";
import { tempDir } from "../support/temp-dir.ts";
import { RandomStatements } from "./random-statements.ts";
import { WorkloadPair, type WorkloadSettings } from "./workload-pair.ts";

const { HEADWATER_WORKLOAD_SEED: one, HEADWATER_WORKLOAD_SEEDS: count = "30" } = process.env;
const SEEDS = one === undefined ? Array.from({ length: Number(count) }, (_, i) => i + 1) : [+one];
const STEPS = 150;
const NEVER_MS = 600_000;
const HISTORY_SHOWN = 30;

function settingsFor(random: SeededRandom, folder: string): WorkloadSettings {
  const pageSize = random.pick([512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536]);
  const journalMode = random.pick(["delete", "delete", "truncate", "persist", "memory"]);
  const lockingMode = random.pick(["normal", "normal", "normal", "exclusive"]);
  const cacheSize = random.pick([2, 10, 100, 2000]);
  return {
    folder,
    creation: [`pragma page_size = ${pageSize}`, `pragma auto_vacuum = ${random.below(3)}`],
    settings: [
      `pragma journal_mode = ${journalMode}`,
      `pragma locking_mode = ${lockingMode}`,
      `pragma cache_size = ${cacheSize}`,
    ],
    options: {
      syncIntervalMs: random.pick([5, 50, NEVER_MS, NEVER_MS]),
      cacheBytes: random.pick([0, 200_000, 64_000_000]),
      ...(random.chance(0.2) ? { hydrate: true } : {}),
    },
  };
}

async function settle(pair: WorkloadPair): Promise<void> {
  if (pair.plain.inTransaction) pair.run("commit");
}

async function check(
  pair: WorkloadPair,
  random: SeededRandom,
  { folder, options }: WorkloadSettings,
): Promise<void> {
  const isQuiet = options.syncIntervalMs === NEVER_MS;
  await settle(pair);
  switch (random.below(7)) {
    case 0:
      return pair.reopen("same journal");
    case 1:
      return pair.reopen("new journal");
    case 2:
      return pair.read();
    case 3:
      return pair.read({ hydrate: { path: join(folder, `image-${random.u32()}.db`) } });
    case 4:
      return isQuiet ? pair.crash() : pair.flush();
    default:
      return pair.flush();
  }
}

async function runSeed(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const folder = tempDir();
  const settings = settingsFor(random, folder);
  const pair = await WorkloadPair.open(settings);
  try {
    const statements = new RandomStatements(random, () => pair.plain);
    for (let step = 0; step < STEPS; step += 1) {
      pair.run(statements.next());
      if (random.chance(0.04)) await pair.toggleSnapshot();
      if (!random.chance(0.06)) continue;
      await check(pair, random, settings);
      await pair.compare();
    }
    await settle(pair);
    await pair.flush();
    await pair.compare();
    await pair.reopen("new journal");
    await pair.compare();
    await pair.read({ hydrate: true });
  } catch (error) {
    const shown = pair.history.slice(-HISTORY_SHOWN).map((sql) => sql.slice(0, 300));
    const { options, creation, settings: set } = settings;
    process.stderr.write(
      `seed ${seed}: HEADWATER_WORKLOAD_SEED=${seed} fails after ${pair.history.length} steps\n` +
        `${JSON.stringify({ options, creation, set })}\n${shown.join("\n")}\n`,
    );
    throw error;
  } finally {
    await pair.close();
  }
}

describe("a random history of statements", () => {
  it.each(SEEDS)("is the same on a replica as on an ordinary file, seed %i", runSeed, 60_000);
});
