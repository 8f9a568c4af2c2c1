/**
 * Where replicas of tests lie: in folders, and on real servers where there are any.
 */

import { randomUUID } from "node:crypto";
import { type S3ServerName, useServer } from "@headwater/servers/testing";
import { tempDir } from "./temp-dir.ts";

/** One replica, as each side is told of it. */
export interface Place {
  /** For `mount` and `openDatabase`. */
  readonly options: {
    readonly url: string;
    readonly storeOptions?: Readonly<Record<string, string>>;
  };
  readonly litestream: { readonly url: string; readonly env?: NodeJS.ProcessEnv };
}

export interface TestStore {
  /** For the names of tests. */
  readonly name: string;
  /** Why there is none, or undefined. */
  readonly problem: string | undefined;
  /** A new, empty place. Called inside a test. */
  place(): Place;
}

export const fileStore: TestStore = {
  name: "a file: store",
  problem: undefined,
  place() {
    const url = `file://${tempDir()}/app.db`;
    return { options: { url }, litestream: { url } };
  },
};

/** In the engine of this process, and nowhere else: not for Litestream. */
export const memoryStore: TestStore = {
  name: "a memory: store",
  problem: undefined,
  place() {
    const url = `memory:${randomUUID()}/app.db`;
    return { options: { url }, litestream: { url } };
  },
};

/** `part` names what cannot run when there is no server. */
export async function s3Store(server: S3ServerName, part: string): Promise<TestStore> {
  const answer = await useServer(server, part);
  return {
    name: answer.available ? `S3 (${server})` : `S3 (${server}; not run: ${answer.reason})`,
    problem: answer.available ? undefined : answer.reason,
    place() {
      if (!answer.available) throw new Error(answer.reason);
      const { bucket, endpoint, accessKeyId, secretAccessKey, region } = answer.connection;
      const url = `s3://${bucket}/${randomUUID()}/app.db`;
      return {
        options: { url, storeOptions: { endpoint, accessKeyId, secretAccessKey, region } },
        litestream: {
          url: `${url}?endpoint=${encodeURIComponent(endpoint)}&region=${region}`,
          env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
        },
      };
    },
  };
}

/** `part` names what cannot run when there is no server. */
export async function azureStore(part: string): Promise<TestStore> {
  const answer = await useServer("azurite-tls", part);
  return {
    name: answer.available ? "Azure (azurite)" : `Azure (azurite; not run: ${answer.reason})`,
    problem: answer.available ? undefined : answer.reason,
    place() {
      if (!answer.available) throw new Error(answer.reason);
      const { account, accountKey, bucket, certificatePath, endpoint, proxyUrl } =
        answer.connection;
      const url = `abs://${account}@${bucket}/${randomUUID()}/app.db`;
      return {
        options: { url, storeOptions: { endpoint, accountKey } },
        litestream: {
          url,
          env: {
            LITESTREAM_AZURE_ACCOUNT_KEY: accountKey,
            SSL_CERT_FILE: certificatePath,
            HTTPS_PROXY: proxyUrl,
          },
        },
      };
    },
  };
}

/** Our own fake of it. `part` names what cannot run when there is no server. */
export async function gcsStore(part: string): Promise<TestStore> {
  const answer = await useServer("gcs-fake", part);
  return {
    name: answer.available ? "GCS (our fake)" : `GCS (our fake; not run: ${answer.reason})`,
    problem: answer.available ? undefined : answer.reason,
    place() {
      if (!answer.available) throw new Error(answer.reason);
      const { bucket, endpoint } = answer.connection;
      const url = `gs://${bucket}/${randomUUID()}/app.db`;
      return {
        options: { url, storeOptions: { endpoint } },
        litestream: { url, env: { STORAGE_EMULATOR_HOST: new URL(endpoint).host } },
      };
    },
  };
}

/** All of them. `part` names what cannot run where there is no server. */
export async function everyStore(part: string): Promise<TestStore[]> {
  return [
    memoryStore,
    fileStore,
    await s3Store("miniflare", part),
    await s3Store("ceph", part),
    await azureStore(part),
    await gcsStore(part),
  ];
}
