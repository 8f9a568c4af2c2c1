/**
 * Starts a server until it is interrupted, and prints how to reach it as one line of JSON:
 * `node tooling/servers/start.ts ceph [bucket ...]`.
 */

import { createBucket } from "./src/create-bucket.ts";
import { isServerName, SERVERS } from "./src/servers.ts";

const [name = "", ...buckets] = process.argv.slice(2);
if (!isServerName(name)) {
  process.stderr.write(`usage: start.ts ${Object.keys(SERVERS).join("|")} [bucket ...]\n`);
  process.exit(2);
}
try {
  const { stop, ...connection } = await SERVERS[name]({ buckets });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, async () => {
      await stop();
      process.exit(0);
    });
  }
  if ("createsBuckets" in connection && connection.createsBuckets) {
    for (const bucket of buckets) await createBucket(connection, bucket);
  }
  process.stdout.write(`${JSON.stringify(connection)}\n`);
  // A server without a handle of its own in this process must not end with it.
  setInterval(() => undefined, 2 ** 30);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
