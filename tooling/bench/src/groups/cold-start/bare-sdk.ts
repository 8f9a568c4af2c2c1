/**
 * The vendors' clients with nothing of ours around them, as their documentation shows them: what an
 * adapter has to be compared with.
 */

import type * as S3 from "@aws-sdk/client-s3";
import type * as Azure from "@azure/storage-blob";
import type * as Gcs from "@google-cloud/storage";
import type { Adapter, ColdStartJob } from "./cold-start-job.ts";

type BareSdk =
  | { readonly adapter: "s3"; readonly sdk: typeof S3 }
  | { readonly adapter: "gcs"; readonly sdk: typeof Gcs }
  | { readonly adapter: "azure"; readonly sdk: typeof Azure };

export async function importBare(adapter: Adapter): Promise<BareSdk> {
  switch (adapter) {
    case "s3":
      return { adapter, sdk: await import("@aws-sdk/client-s3") };
    case "gcs":
      return { adapter, sdk: await import("@google-cloud/storage") };
    case "azure":
      return { adapter, sdk: await import("@azure/storage-blob") };
    default:
      throw new TypeError(`${adapter} has no SDK`);
  }
}

export async function bareAnswer(bare: BareSdk, job: ColdStartJob): Promise<Uint8Array> {
  const { bucket, endpoint, key, storeOptions } = job;
  switch (bare.adapter) {
    case "s3": {
      const { region = "", accessKeyId = "", secretAccessKey = "" } = storeOptions;
      const credentials = { accessKeyId, secretAccessKey };
      const client = new bare.sdk.S3Client({ endpoint, region, credentials, forcePathStyle: true });
      const command = new bare.sdk.GetObjectCommand({ Bucket: bucket, Key: key });
      const { Body } = await client.send(command);
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    }
    case "gcs": {
      const storage = new bare.sdk.Storage({ apiEndpoint: endpoint, projectId: "headwater" });
      const [body] = await storage.bucket(bucket).file(key).download();
      return body;
    }
    case "azure": {
      const { account } = job;
      const { accountKey = "" } = storeOptions;
      const credential = new bare.sdk.StorageSharedKeyCredential(account, accountKey);
      const service = new bare.sdk.BlobServiceClient(endpoint, credential);
      return service.getContainerClient(bucket).getBlockBlobClient(key).downloadToBuffer();
    }
  }
}
