/**
 * Cloudflare's local R2 on loopback, with its S3 endpoint: R2's dialect of S3. Objects live in
 * memory and are gone when it stops.
 */

import type { Readable } from "node:stream";
import { freePorts } from "./processes.ts";
import {
  ACCESS_KEY_ID,
  DEFAULT_BUCKET,
  type RunningServer,
  SECRET_ACCESS_KEY,
  ServerUnavailable,
  type StartOptions,
} from "./server.ts";

const WORKER = 'export default { fetch() { return new Response("headwater"); } };';

export async function startMiniflare({ buckets = [] }: StartOptions = {}): Promise<RunningServer> {
  const { Log, LogLevel, Miniflare } = await import("miniflare").catch((cause: unknown) => {
    throw new ServerUnavailable("miniflare is not installed: run pnpm install", { cause });
  });
  const s3Credentials = { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY };
  const names = new Set([DEFAULT_BUCKET, ...buckets]);
  const [port = 0] = await freePorts(1);
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port,
    modules: true,
    compatibilityDate: "2026-01-01",
    script: WORKER,
    cf: false,
    telemetry: { enabled: false },
    // A client that aborts a request is no news.
    log: new Log(LogLevel.NONE),
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      stdout.resume();
      stderr.resume();
    },
    r2Persist: false,
    r2Buckets: Object.fromEntries(
      [...names].map((id, index) => [`BUCKET_${index}`, { id, s3Credentials }]),
    ),
  });
  try {
    await miniflare.ready;
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new ServerUnavailable(`miniflare did not start: ${problem}`, { cause });
  }
  return {
    name: "miniflare",
    endpoint: `http://127.0.0.1:${port}/cdn-cgi/local/r2/s3`,
    ...s3Credentials,
    region: "auto",
    bucket: DEFAULT_BUCKET,
    createsBuckets: false,
    stop: () => miniflare.dispose(),
  };
}
