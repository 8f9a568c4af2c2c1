/**
 * Where replicas of tests lie: in folders, and on servers where there are any.
 */

import { randomUUID } from "node:crypto";
import { type S3ServerName, useServer } from "@headwater/servers/testing";
import { tempDir } from "./temp-dir.ts";

export interface Place {
  /** As a user would write it. */
  readonly url: string;
  /** Keys, where the store wants some. */
  readonly env: NodeJS.ProcessEnv;
}

export interface PlaceMaker {
  readonly name: string;
  /** Why there is none, or undefined. */
  readonly problem: string | undefined;
  make(): Place;
}

export const folders: PlaceMaker = {
  name: "a folder",
  problem: undefined,
  make: () => ({ url: `file://${tempDir()}/app.db`, env: {} }),
};

export async function s3(server: S3ServerName, part: string): Promise<PlaceMaker> {
  const answer = await useServer(server, part);
  return {
    name: answer.available ? `S3 (${server})` : `S3 (${server}; not run: ${answer.reason})`,
    problem: answer.available ? undefined : answer.reason,
    make() {
      if (!answer.available) throw new Error(answer.reason);
      const { bucket, endpoint, accessKeyId, secretAccessKey, region } = answer.connection;
      const query = `endpoint=${encodeURIComponent(endpoint)}&region=${region}`;
      return {
        url: `s3://${bucket}/${randomUUID()}/app.db?${query}`,
        env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
      };
    },
  };
}
