/**
 * Hostile bytes for as long as you like. Run it by hand:
 *
 *     node --conditions=@headwater/source test/fuzz.ts [seconds] [first seed]
 *
 * It ends with a stack trace and the seed at the first thing that hostile.ts says must not happen.
 */
import { encodeLtx } from "../src/index.ts";
import { randomFile, SeededRandom } from "../src/testing/index.ts";
import { manifest, readGolden } from "./golden-files.ts";
import { contentOf, mergeEveryWay, mutate, readEveryWay } from "./hostile.ts";

const seconds = Number(process.argv[2] ?? 60);
const firstSeed = Number(process.argv[3] ?? 1);
const golden = manifest.files.map((file) => readGolden(file.name));
const endMs = performance.now() + seconds * 1000;
const counts = new Map<string, number>();

let seed = firstSeed;
for (; performance.now() < endMs; seed += 1) {
  try {
    await tryOne(new SeededRandom(seed));
  } catch (error) {
    console.error(`seed ${seed}`);
    throw error;
  }
}
console.log(`${seed - firstSeed} rounds`);
console.log([...counts].sort(([, a], [, b]) => b - a));

async function tryOne(random: SeededRandom): Promise<void> {
  const isGolden = random.chance(0.3);
  const bytes = isGolden
    ? random.pick(golden)
    : encodeLtx(randomFile(random.u32(), { checksums: random.chance(0.3) }));
  const content = contentOf(bytes);
  const mutated = mutate(random, bytes);
  const refusals = readEveryWay(mutated);
  // LZ4 can say the same in many ways; only that may pass.
  if (refusals[0] === undefined && contentOf(mutated) !== content) throw new Error("other content");
  await mergeEveryWay(mutated);
  for (const error of refusals) {
    const code = error === undefined ? "taken" : `${error.code} ${error.field}`;
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
}
