/**
 * Our own fake of Google Cloud Storage on loopback, as a process of its own. Objects live in memory
 * and are gone when it stops.
 *
 * Nothing real speaks this protocol that could be installed here.
 */

import { rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { makeRunFolder } from "./folders.ts";
import { freePorts, Processes } from "./processes.ts";
import {
  DEFAULT_BUCKET,
  type GcsConnection,
  type RunningServer,
  ServerUnavailable,
  type StartOptions,
} from "./server.ts";

export interface GcsFakeStartOptions extends StartOptions {
  /** More writes of one object are answered with 429, as Google does beyond about 1. */
  readonly writesPerObjectPerSecond?: number | undefined;
}

const START_MS_MAX = 30_000;

export async function startGcsFake({
  buckets = [],
  writesPerObjectPerSecond,
}: GcsFakeStartOptions = {}): Promise<RunningServer<GcsConnection>> {
  const program = createRequire(import.meta.url).resolve("@headwater/gcs-fake/start");
  const folder = await makeRunFolder("gcs-fake");
  const processes = new Processes();
  const [port = 0] = await freePorts(1);
  const stop = async () => {
    await processes.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const limit =
    writesPerObjectPerSecond === undefined
      ? []
      : [`--writes-per-object-per-second=${writesPerObjectPerSecond}`];
  const logPath = join(folder, "gcs-fake.out");
  try {
    const names = new Set([DEFAULT_BUCKET, ...buckets]);
    const command = [process.execPath, program, ...limit, `--port=${port}`, ...names];
    await processes.start(command, { env: { PATH: "/usr/bin:/bin", HOME: folder }, logPath });
    await processes.untilAccepting(port, START_MS_MAX);
    const endpoint = `http://127.0.0.1:${port}`;
    return { name: "gcs-fake", endpoint, bucket: DEFAULT_BUCKET, projectId: "headwater", stop };
  } catch (cause) {
    await processes.stop();
    const problem = cause instanceof Error ? cause.message : String(cause);
    const message = `the fake of GCS did not start: ${problem}; its output is in ${logPath}`;
    throw new ServerUnavailable(message, { cause });
  }
}
