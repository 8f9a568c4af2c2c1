/**
 * The store that everybody reads from: a real S3 server on loopback, behind a proxy that adds a
 * latency and counts requests.
 *
 * The proxy is a process of its own, so that it shares no thread with what is measured.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type ProxyCounts, type RunningServer, startCeph } from "@headwater/servers";
import { ROOT } from "../../bench-run.ts";
import type { RequestTally } from "../../measurement.ts";

interface ProxyFacts {
  readonly endpoint: string;
  readonly control: string;
}

export class ProxiedStore implements AsyncDisposable {
  readonly server: RunningServer;
  /** What contenders use in place of the server. */
  readonly endpoint: string;
  readonly #control: string;
  readonly #proxy: ChildProcess;

  private constructor(server: RunningServer, proxy: ChildProcess, facts: ProxyFacts) {
    this.server = server;
    this.endpoint = facts.endpoint;
    this.#control = facts.control;
    this.#proxy = proxy;
  }

  /** With a server that is there, which goes with it, or with one of its own. */
  static async start(running?: RunningServer): Promise<ProxiedStore> {
    const server = running ?? (await startCeph());
    try {
      const script = join(ROOT, "tooling/servers/proxy.ts");
      const args = ["--no-warnings", script, server.endpoint, "0"];
      const proxy = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      const facts = await firstLine(proxy);
      return new ProxiedStore(server, proxy, JSON.parse(facts) as ProxyFacts);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Straight to the server, for what is not measured. */
  directUrl(path: string): string {
    return this.#url(path, this.server.endpoint);
  }

  /** In the form that Litestream and Headwater both read. */
  url(path: string): string {
    return this.#url(path, this.endpoint);
  }

  get credentials() {
    const { accessKeyId, secretAccessKey } = this.server;
    return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  }

  /** For requests from now on; and the counts start from zero. */
  async reset(
    latencyMs: number,
    uploadBytesPerSecond: number = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const line = `latencyMs=${latencyMs}&uploadBytesPerSecond=${uploadBytesPerSecond}`;
    const response = await fetch(`${this.#control}?${line}`, { method: "POST" });
    await response.arrayBuffer();
  }

  /** Since the last reset. */
  async tally(): Promise<RequestTally> {
    const counts = (await (await fetch(this.#control)).json()) as ProxyCounts;
    const byKind = Object.entries(counts.requests).filter(([, count]) => count > 0);
    return {
      total: counts.requestsTotal,
      byKind: Object.fromEntries(byKind),
      bytesToClient: counts.bytesToClient,
      bytesToServer: counts.bytesToServer,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#proxy.exitCode === null) {
      this.#proxy.kill();
      await once(this.#proxy, "exit");
    }
    await this.server.stop();
  }

  #url(path: string, endpoint: string): string {
    const { bucket, region } = this.server;
    return `s3://${bucket}/${path}?endpoint=${endpoint}&region=${region}&forcePathStyle=true`;
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new TypeError("the child has no stdout");
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([
    once(lines, "line"),
    once(child, "exit").then(([code]) => {
      throw new Error(`the latency proxy ended with code ${code}`);
    }),
  ])) as [string];
  return line;
}
