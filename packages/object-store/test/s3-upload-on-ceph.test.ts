import { ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { putStream } from "@headwater/object-store";
import { openS3Store } from "@headwater/object-store/s3";
import { type S3Connection, useServer } from "@headwater/servers/testing";
import { describe, expect, it } from "vitest";

const part = "what uploads leave behind on Ceph";
const answer = await useServer("ceph", part);
if (answer.available) cases(answer.connection);
else describe.skip(part, () => it(answer.reason, () => undefined));

function cases({ accessKeyId, bucket, endpoint, region, secretAccessKey }: S3Connection): void {
  const credentials = { accessKeyId, secretAccessKey };
  const prefix = `leavings-${process.pid}/`;

  async function openUploads(): Promise<number> {
    const client = new S3Client({ credentials, endpoint, region, forcePathStyle: true });
    const command = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix });
    const { Uploads = [] } = await client.send(command);
    client.destroy();
    return Uploads.length;
  }

  describe(part, () => {
    it("is nothing, whether a body fails, or it is aborted, or another was first", async () => {
      const store = await openS3Store({ bucket, credentials, endpoint, region });
      const controller = new AbortController();
      let seenOpen = 0;
      const body = async function* (end: () => void) {
        for (let piece = 0; piece < 18; piece += 1) yield new Uint8Array(1024 * 1024);
        seenOpen += await openUploads();
        end();
        yield new Uint8Array(1);
      };
      const options = { condition: { type: "if-absent" }, sizeMax: 64 * 1024 * 1024 } as const;
      const fail = () => {
        throw new Error("no more");
      };
      const put = (name: string, end: () => void, signal?: AbortSignal) =>
        putStream(store, `${prefix}${name}`, body(end), { ...options, signal });
      await expect(put("failed", fail)).rejects.toThrow("no more");
      const abort = () => controller.abort(new Error("enough"));
      await expect(put("aborted", abort, controller.signal)).rejects.toThrow("enough");
      await put("there", () => undefined);
      await expect(put("there", () => undefined)).rejects.toMatchObject({ code: "OBJECT_EXISTS" });
      await store.close();
      expect(seenOpen).toBeGreaterThanOrEqual(4);
      expect(await openUploads()).toBe(0);
    });
  });
}
