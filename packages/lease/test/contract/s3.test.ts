import { prefixed } from "@headwater/object-store";
import { openS3Store } from "@headwater/object-store/s3";
import { type S3Connection, type S3ServerName, useServer } from "@headwater/servers/testing";
import { describe, it } from "vitest";
import { leaseContract } from "../../src/testing/index.ts";

const PARTS: readonly (readonly [S3ServerName, string])[] = [
  ["ceph", "s3 on Ceph"],
  ["miniflare", "s3 on R2 (miniflare)"],
];

for (const [server, part] of PARTS) {
  const answer = await useServer(server, `Lease contract: ${part}`);
  if (answer.available) contractOn(part, answer.connection);
  else describe.skip(`Lease contract: ${part}`, () => it(answer.reason, () => undefined));
}

function contractOn(name: string, connection: S3Connection): void {
  const { accessKeyId, bucket, endpoint, region, secretAccessKey } = connection;
  const credentials = { accessKeyId, secretAccessKey };
  leaseContract({
    name,
    // As long as the README asks for, where dates are cut to seconds.
    ttlMs: 6_000,
    open: async () => {
      const store = await openS3Store({ bucket, credentials, endpoint, region });
      return prefixed(store, `lease-contract-${process.pid}/`);
    },
  });
}
