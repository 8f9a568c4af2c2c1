/**
 * A proxy before a server, in a process of its own: a statement that waits for the store blocks
 * this one.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ProxyCounts } from "@headwater/servers";
import { onTestFinished } from "vitest";

const PROXY = fileURLToPath(new URL("../../../../tooling/servers/proxy.ts", import.meta.url));

export interface CountingProxy {
  readonly endpoint: string;
  counts(): Promise<ProxyCounts>;
  /** Gives the counts up to now, and begins anew. */
  reset(): Promise<ProxyCounts>;
}

/** Ends with the test. */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const flags = ["--conditions=@headwater/source", "--no-warnings"];
  const proxy = spawn(process.execPath, [...flags, PROXY, target, "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void proxy.kill());
  const [line] = (await once(createInterface(proxy.stdout), "line")) as [string];
  const { endpoint, control } = JSON.parse(line) as { endpoint: string; control: string };
  const ask = async (method: string) =>
    (await (await fetch(control, { method })).json()) as ProxyCounts;
  return { endpoint, counts: () => ask("GET"), reset: () => ask("POST") };
}
