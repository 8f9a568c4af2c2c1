/**
 * Azurite on loopback: Microsoft's own emulator of Azure Blob Storage. Blobs live in memory and are
 * gone when it stops.
 */

import { rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { makeRunFolder } from "./folders.ts";
import { freePorts, Processes } from "./processes.ts";
import {
  type AzureConnection,
  DEFAULT_BUCKET,
  type RunningServer,
  ServerUnavailable,
  type StartOptions,
} from "./server.ts";

const START_MS_MAX = 60_000;

/** The account that Azurite knows without being told, with its key. Both are public. */
export const AZURITE_ACCOUNT = "devstoreaccount1";
const AZURITE_ACCOUNT_KEY =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

export async function startAzurite({
  buckets = [],
}: StartOptions = {}): Promise<RunningServer<AzureConnection>> {
  const program = azuriteProgram();
  const containers = new Set([DEFAULT_BUCKET, ...buckets]);
  try {
    return await startOnce(program, containers);
  } catch {
    // A port that was free may be taken a moment later; once more, with another.
    return await startOnce(program, containers);
  }
}

async function startOnce(
  program: string,
  containers: ReadonlySet<string>,
): Promise<RunningServer<AzureConnection>> {
  const folder = await makeRunFolder("azurite");
  const processes = new Processes();
  const [port = 0] = await freePorts(1);
  const stop = async () => {
    await processes.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const logPath = join(folder, "azurite.out");
  try {
    await processes.start([process.execPath, program, ...flags(port)], {
      env: { PATH: "/usr/bin:/bin", HOME: folder },
      logPath,
    });
    await processes.untilAccepting(port, START_MS_MAX);
    const connection = {
      name: "azurite",
      endpoint: `http://127.0.0.1:${port}/${AZURITE_ACCOUNT}`,
      bucket: DEFAULT_BUCKET,
      account: AZURITE_ACCOUNT,
      accountKey: AZURITE_ACCOUNT_KEY,
    };
    for (const name of containers) await createContainer(connection, name);
    return { ...connection, stop };
  } catch (cause) {
    await processes.stop();
    const problem = cause instanceof Error ? cause.message : String(cause);
    const message = `Azurite did not start: ${problem}; its output is in ${logPath}`;
    throw new ServerUnavailable(message, { cause });
  }
}

function azuriteProgram(): string {
  try {
    const manifest = createRequire(import.meta.url).resolve("azurite/package.json");
    return join(dirname(manifest), "dist", "src", "blob", "main.js");
  } catch (cause) {
    throw new ServerUnavailable("Azurite is not installed: run pnpm install", { cause });
  }
}

function flags(port: number): string[] {
  const place = ["--blobHost", "127.0.0.1", "--blobPort", String(port)];
  // Clients are newer than the versions of the protocol that Azurite has a list of.
  return [
    ...place,
    "--inMemoryPersistence",
    "--silent",
    "--disableTelemetry",
    "--skipApiVersionCheck",
  ];
}

async function createContainer(connection: AzureConnection, container: string): Promise<void> {
  const { ContainerClient, StorageSharedKeyCredential } = await import("@azure/storage-blob");
  const { account, accountKey, endpoint } = connection;
  const credential = new StorageSharedKeyCredential(account, accountKey);
  await new ContainerClient(`${endpoint}/${container}`, credential).create();
}
