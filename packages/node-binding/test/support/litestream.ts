/**
 * A real Litestream: litestream-vfs, in a process of its own, driven step by step.
 */

import { copyFileSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DrivenProcess, type ProcessEnd } from "./driven-process.ts";
import { dumpDatabase } from "./dump.ts";
import { eventually } from "./eventually.ts";
import { tempDir } from "./temp-dir.ts";

/** Why litestream-vfs cannot run on this machine, or undefined when it can. */
export function litestreamProblem(): string | undefined {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
    return `litestream-vfs is not tested on ${process.platform} ${process.arch}`;
  }
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  if (report.header?.glibcVersionRuntime === undefined) return "litestream-vfs needs glibc";
  try {
    const { getLoadablePath } = createRequire(import.meta.url)("litestream-vfs") as {
      getLoadablePath(): string;
    };
    getLoadablePath();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export interface LitestreamOptions {
  readonly url: string;
  /** Access keys and endpoint. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly write?: boolean | undefined;
  /** As Go writes it. By default changes are uploaded when a connection closes, and only then. */
  readonly syncInterval?: string | undefined;
  readonly hydrate?: boolean | undefined;
}

const NEVER = "10h";
const POLL_INTERVAL = "100ms";

export class Litestream {
  readonly #process: DrivenProcess;
  readonly #folder: string;
  /** One for each time that a connection is opened: a file that is kept is patched up, badly. */
  readonly #hydrationPaths = new Map<string, string>();
  readonly #logPath: string;
  #files = 0;

  constructor(options: LitestreamOptions) {
    this.#folder = tempDir();
    this.#logPath = join(this.#folder, "litestream.log");
    const { AWS_CA_BUNDLE: _, ...env } = process.env;
    this.#process = new DrivenProcess("./litestream-child.ts", {
      env: {
        ...env,
        ...options.env,
        LITESTREAM_REPLICA_URL: options.url,
        LITESTREAM_WRITE_ENABLED: String(options.write ?? false),
        LITESTREAM_SYNC_INTERVAL: options.syncInterval ?? NEVER,
        LITESTREAM_HYDRATION_ENABLED: String(options.hydrate ?? false),
        // So that it tells when it has hydrated: the progress it reports may pass 100 before.
        LITESTREAM_LOG_LEVEL: "DEBUG",
        LITESTREAM_LOG_FILE: this.#logPath,
      },
    });
  }

  async open(connection = "main"): Promise<void> {
    const path = this.#newPath();
    this.#hydrationPaths.set(connection, path);
    const parameters = `poll_interval=${POLL_INTERVAL}&hydration_path=${path}`;
    const uri = `file:${connection}.db?vfs=litestream&${parameters}`;
    await this.#process.call("open", connection, uri);
  }

  async exec(sql: string, connection = "main"): Promise<void> {
    await this.#process.call("exec", connection, sql);
  }

  async query(sql: string, connection = "main"): Promise<unknown[][]> {
    return (await this.#process.call("query", connection, sql)) as unknown[][];
  }

  async value(sql: string, connection = "main"): Promise<unknown> {
    return (await this.query(sql, connection))[0]?.[0];
  }

  async dump(connection = "main"): Promise<string> {
    return dumpDatabase((sql) => this.query(sql, connection));
  }

  async integrity(connection = "main"): Promise<string> {
    const rows = await this.query("pragma integrity_check", connection);
    return rows.map(([text]) => String(text)).join("\n");
  }

  async close(connection = "main"): Promise<void> {
    await this.#process.call("close", connection);
  }

  /** Opens, runs, closes: one transaction of the replica. */
  async write(sql: string): Promise<void> {
    await this.open();
    await this.exec(sql);
    await this.close();
  }

  /** Waits until the connection is hydrated; the path of a copy of what it was hydrated to. */
  async hydratedCopy(connection = "main"): Promise<string> {
    const hydrated = this.#hydrationPaths.get(connection) ?? "";
    await eventually("Litestream's hydration", () => {
      const lines = readFileSync(this.#logPath, "utf8").split("\n");
      const isDone = (line: string) =>
        line.includes("hydration complete") && line.includes(hydrated);
      return lines.some(isDone) ? true : undefined;
    });
    const path = this.#newPath();
    copyFileSync(hydrated, path);
    return path;
  }

  async end(): Promise<ProcessEnd> {
    this.#process.hangUp();
    return this.#process.ended;
  }

  #newPath(): string {
    this.#files += 1;
    return join(this.#folder, `${this.#files}.db`);
  }
}
