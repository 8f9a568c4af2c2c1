/**
 * The database file that litestream-vfs itself makes of a replica, byte by byte.
 */

import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Place } from "./places.ts";

const CHILD = fileURLToPath(new URL("./litestream-child.ts", import.meta.url));

/** Why litestream-vfs cannot run on this machine, or undefined when it can. */
export function litestreamProblem(): string | undefined {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  if (process.platform !== "linux" || report.header?.glibcVersionRuntime === undefined) {
    return "litestream-vfs needs Linux and glibc";
  }
  try {
    createRequire(import.meta.url).resolve("litestream-vfs");
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Resolves when the file is there. */
export async function litestreamHydrates({ url, env }: Place, path: string): Promise<void> {
  const { AWS_CA_BUNDLE: _, ...rest } = process.env;
  await promisify(execFile)(process.execPath, ["--no-warnings", CHILD, path], {
    timeout: 60_000,
    env: {
      ...rest,
      ...env,
      LITESTREAM_REPLICA_URL: url,
      LITESTREAM_HYDRATION_ENABLED: "true",
      LITESTREAM_HYDRATION_PATH: `${path}.hydrating`,
      LITESTREAM_LOG_LEVEL: "DEBUG",
      LITESTREAM_LOG_FILE: `${path}.log`,
    },
  });
}
