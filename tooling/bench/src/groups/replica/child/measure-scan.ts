/**
 * How long a sum over all rows takes once the database is open. On the wire: the whole snapshot in
 * parallel ranges, decoded and verified by the codec that Headwater has.
 */

import type { Work } from "../replica-case.ts";

export async function measureScan(
  work: Work,
  statement: string,
  expectedSum: number,
): Promise<number> {
  if (work.job.contender.kind === "wire") return measureWire(work);
  const { sql } = await work.open();
  const prepared = sql.prepare(statement);
  const before = performance.now();
  const { sum } = prepared.get() as { sum: number };
  const elapsed = performance.now() - before;
  if (sum !== expectedSum) throw new Error(`the sum is ${sum}, not ${expectedSum}`);
  return elapsed;
}

async function measureWire({ job }: Work): Promise<number> {
  const { readOverWire } = await import("./read-over-wire.ts");
  const { useNativeCodec } = await import("./use-native-codec.ts");
  useNativeCodec();
  const before = performance.now();
  await readOverWire(job, () => undefined);
  return performance.now() - before;
}
