/**
 * A URL that anyone may GET or PUT for a day (AWS Signature Version 4 in the query), so that the
 * bare requests of the wire carry no SDK and no signing.
 */

import { createHash, createHmac } from "node:crypto";

export interface PresignOptions {
  readonly method: "GET" | "PUT";
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
  readonly key: string;
  readonly now: Date;
}

const LIFETIME_SECONDS = 86_400;

export function presignedUrl(options: PresignOptions): string {
  const { method, endpoint, region, accessKeyId, secretAccessKey, bucket, key, now } = options;
  const time = `${now.toISOString().replace(/[-:]/g, "").slice(0, 15)}Z`;
  const date = time.slice(0, 8);
  const scope = `${date}/${region}/s3/aws4_request`;
  const path = `/${[bucket, ...key.split("/")].map(encodeURIComponent).join("/")}`;
  // In the order of their names, as the signature wants them.
  const query = Object.entries({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${accessKeyId}/${scope}`,
    "X-Amz-Date": time,
    "X-Amz-Expires": String(LIFETIME_SECONDS),
    "X-Amz-SignedHeaders": "host",
  })
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
  const headers = `host:${new URL(endpoint).host}\n`;
  const request = [method, path, query, headers, "host", "UNSIGNED-PAYLOAD"].join("\n");
  const digest = createHash("sha256").update(request).digest("hex");
  const toSign = ["AWS4-HMAC-SHA256", time, scope, digest].join("\n");
  const signingKey = [date, region, "s3", "aws4_request"].reduce<string | Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  const signature = createHmac("sha256", signingKey).update(toSign).digest("hex");
  return `${endpoint}${path}?${query}&X-Amz-Signature=${signature}`;
}
