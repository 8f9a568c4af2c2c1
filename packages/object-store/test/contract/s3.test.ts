import { prefixed } from "@headwater/object-store";
import { openS3Store } from "@headwater/object-store/s3";
import { objectStoreContract } from "@headwater/object-store/testing";
import { type S3Connection, type S3ServerName, useServer } from "@headwater/servers/testing";
import { describe, it } from "vitest";

const PARTS: readonly (readonly [S3ServerName, string])[] = [
  ["ceph", "s3 on Ceph"],
  ["miniflare", "s3 on R2 (miniflare)"],
];

for (const [server, part] of PARTS) {
  const answer = await useServer(server, `ObjectStore contract: ${part}`);
  if (answer.available) contractOn(part, answer.connection);
  else describe.skip(`ObjectStore contract: ${part}`, () => it(answer.reason, () => undefined));
}

function contractOn(name: string, connection: S3Connection): void {
  const { accessKeyId, bucket, endpoint, region, secretAccessKey } = connection;
  const run = `contract-${process.pid}`;
  let count = 0;
  objectStoreContract({
    name,
    open: async () => {
      const credentials = { accessKeyId, secretAccessKey };
      const store = await openS3Store({ bucket, credentials, endpoint, region });
      count += 1;
      return prefixed(store, `${run}/${count}/`);
    },
  });
}
