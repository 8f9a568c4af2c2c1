/**
 * Starts the fake until it is interrupted, and prints its endpoint as one line of JSON:
 * `node tooling/gcs-fake/start.ts [--port=N] [--writes-per-object-per-second=N] [bucket ...]`.
 */

import { parseArgs } from "node:util";
import { startGcsFake } from "./src/gcs-fake.ts";

const { positionals: buckets, values } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string", default: "0" },
    "writes-per-object-per-second": { type: "string" },
  },
});
const limit = values["writes-per-object-per-second"];
const { endpoint, stop } = await startGcsFake({
  buckets,
  port: Number(values.port),
  writesPerObjectPerSecond: limit === undefined ? undefined : Number(limit),
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await stop();
    process.exit(0);
  });
}
process.stdout.write(`${JSON.stringify({ endpoint, buckets })}\n`);
