/**
 * Runs install-ceph.sh, once.
 */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { installedFolder } from "./folders.ts";
import { ServerUnavailable } from "./server.ts";

export function cephFolder(): string {
  return installedFolder("ceph");
}

export function isCephInstalled(): boolean {
  return existsSync(join(cephFolder(), "usr", "bin", "radosgw"));
}

export async function installCeph(): Promise<void> {
  if (isCephInstalled()) return;
  const folder = cephFolder();
  await mkdir(dirname(folder), { recursive: true });
  const script = join(import.meta.dirname, "..", "install-ceph.sh");
  const child = spawn("sh", [script, folder], { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-2000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return;
  throw new ServerUnavailable(text.trim() || `install-ceph.sh ended with code ${code}`);
}
