/**
 * Programs that know nothing of mounts, started as a user of Litestream would start them.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DrivenProcess, type ProcessEnd } from "./driven-process.ts";
import { tempDir } from "./temp-dir.ts";

export const REGISTER = ["--import", "@headwater/node-binding/register"];
export const PACKAGE_DIR = fileURLToPath(new URL("../../", import.meta.url));

export const DRIVER_NAMES = ["better-sqlite3", "node:sqlite"] as const;
export type DriverName = (typeof DRIVER_NAMES)[number];

/** The environment of a program: this one's, with nothing of Litestream but what is given. */
export function programEnv(variables: NodeJS.ProcessEnv, stateDir: string): NodeJS.ProcessEnv {
  const { AWS_CA_BUNDLE: _, ...env } = process.env;
  const others = Object.entries(env).filter(([name]) => !name.startsWith("LITESTREAM_"));
  return { ...Object.fromEntries(others), XDG_STATE_HOME: stateDir, ...variables };
}

export const FILENAME = "file:app.db?vfs=litestream";

/** Adds parameters to the name of a database. */
export function filenameWith(parameters: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(parameters).map(
    ([name, value]) => `${name}=${encodeURIComponent(value)}`,
  );
  return [FILENAME, ...pairs].join("&");
}

export class PlainProgram {
  readonly stateDir: string;
  readonly #process: DrivenProcess;

  constructor(
    driver: DriverName,
    variables: NodeJS.ProcessEnv,
    stateDir = join(tempDir(), "state"),
  ) {
    this.stateDir = stateDir;
    this.#process = new DrivenProcess("./plain-program.ts", {
      args: [driver],
      execArgs: REGISTER,
      cwd: PACKAGE_DIR,
      env: programEnv(variables, stateDir),
    });
  }

  async open(filename = FILENAME, connection = "main"): Promise<void> {
    await this.#process.call("open", connection, filename);
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

  async close(connection = "main"): Promise<void> {
    await this.#process.call("close", connection);
  }

  async inThread(sql: string): Promise<unknown[][]> {
    const [rows] = await this.inThreads(1, 1, sql);
    return rows as unknown[][];
  }

  /** What each of so many threads has got last, who open it, ask and close it so many times. */
  async inThreads(count: number, times: number, sql: string): Promise<unknown[][][]> {
    const rows = await this.#process.call("inThreads", FILENAME, sql, count, times);
    return rows as unknown[][][];
  }

  async setVariable(name: string, value: string): Promise<void> {
    await this.#process.call("setVariable", name, value);
  }

  /** A signal that the program does not listen to. */
  terminate(): Promise<ProcessEnd> {
    process.kill(this.#process.pid, "SIGTERM");
    return this.#process.ended;
  }

  kill(): Promise<ProcessEnd> {
    return this.#process.kill();
  }

  async end(): Promise<ProcessEnd> {
    this.#process.hangUp();
    return this.#process.ended;
  }
}
