/**
 * A Ceph object gateway on loopback: a production S3 server, with its own monitor and one store in
 * memory. Its data is gone when it stops.
 *
 * No manager, no authentication inside the cluster, no Ceph command line: three processes.
 */

import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cephConfig } from "./ceph-config.ts";
import { createBucket } from "./create-bucket.ts";
import { makeRunFolder } from "./folders.ts";
import { cephFolder, isCephInstalled } from "./install-ceph.ts";
import { freePorts, Processes } from "./processes.ts";
import {
  ACCESS_KEY_ID,
  DEFAULT_BUCKET,
  type RunningServer,
  SECRET_ACCESS_KEY,
  ServerUnavailable,
} from "./server.ts";

const START_MS_MAX = 60_000;

export async function startCeph(): Promise<RunningServer> {
  if (!isCephInstalled()) {
    throw new ServerUnavailable(
      "Ceph is not installed: run node tooling/servers/install.ts ceph (Debian, about 160 MB)",
    );
  }
  try {
    return await startOnce();
  } catch {
    // A port that was free may be taken a moment later; once more, with others.
    return await startOnce();
  }
}

async function startOnce(): Promise<RunningServer> {
  const folder = await makeRunFolder("ceph");
  const processes = new Processes();
  const stop = async () => {
    await processes.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const port = await startProcesses(folder, processes);
    const connection = {
      name: "ceph",
      endpoint: `http://127.0.0.1:${port}`,
      accessKeyId: ACCESS_KEY_ID,
      secretAccessKey: SECRET_ACCESS_KEY,
      region: "us-east-1",
      bucket: DEFAULT_BUCKET,
      createsBuckets: true,
    };
    await createBucket(connection, DEFAULT_BUCKET);
    return { ...connection, stop };
  } catch (cause) {
    await processes.stop();
    const problem = cause instanceof Error ? cause.message : String(cause);
    const message = `Ceph did not start: ${problem}; its logs are in ${folder}`;
    throw new ServerUnavailable(message, { cause });
  }
}

async function startProcesses(folder: string, processes: Processes): Promise<number> {
  const root = cephFolder();
  const libraries = join(root, "usr", "lib", "x86_64-linux-gnu");
  const [monPort = 0, port = 0] = await freePorts(2);
  const clusterId = randomUUID();
  for (const name of ["mon", "osd", "log", "run", "rgw"]) await mkdir(join(folder, name));
  const configPath = join(folder, "ceph.conf");
  await writeFile(configPath, cephConfig({ folder, libraries, clusterId, monPort, port }));

  const options = (log: string) => ({
    env: { CEPH_CONF: configPath, PATH: "/usr/bin:/bin", HOME: folder },
    logPath: join(folder, "log", `${log}.out`),
  });
  const program = (name: string, ...args: readonly string[]) => [
    join(libraries, "ld-linux-x86-64.so.2"),
    "--library-path",
    `${libraries}:${join(libraries, "ceph")}:${join(root, "usr", "lib")}`,
    join(root, "usr", "bin", name),
    ...args,
  ];
  const monmap = join(folder, "monmap");
  const osdmap = join(folder, "osdmap");
  const mon = `[v1:127.0.0.1:${monPort}]`;
  const run = (log: string, name: string, ...args: readonly string[]) =>
    processes.run(program(name, ...args), options(log));
  const start = (log: string, name: string, ...args: readonly string[]) =>
    processes.start(program(name, ...args), options(log));

  await run("monmap", "monmaptool", "--create", "--fsid", clusterId, "--addv", "a", mon, monmap);
  await run("osdmap", "osdmaptool", "--createsimple", "1", osdmap);
  await run("mon-make", "ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap, "--osdmap", osdmap);
  await start("mon", "ceph-mon", "-i", "a", "--public-addr", `127.0.0.1:${monPort}`, "-f");
  await run("osd-make", "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", randomUUID());
  await start("osd", "ceph-osd", "-i", "0", "-f");
  await run(
    "user",
    "radosgw-admin",
    "user",
    "create",
    "--uid=headwater",
    "--display-name=tests",
    `--access-key=${ACCESS_KEY_ID}`,
    `--secret-key=${SECRET_ACCESS_KEY}`,
  );
  await start("gateway", "radosgw", "-n", "client.rgw", "-f");
  await processes.untilAccepting(port, START_MS_MAX);
  return port;
}
