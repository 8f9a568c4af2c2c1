/**
 * Makes a bucket on a server that can.
 */

import type { S3Connection } from "./server.ts";

type Place = Pick<S3Connection, "endpoint" | "accessKeyId" | "secretAccessKey" | "region">;

export async function createBucket(place: Place, bucket: string): Promise<void> {
  const { CreateBucketCommand, S3Client } = await import("@aws-sdk/client-s3");
  const { endpoint, region, accessKeyId, secretAccessKey } = place;
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } finally {
    client.destroy();
  }
}
