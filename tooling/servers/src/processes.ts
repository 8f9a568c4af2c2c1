/**
 * Child processes that never outlive their parent.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface ProcessOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Output goes here. */
  readonly logPath: string;
}

const POLL_MS = 50;
const PDEATHSIG = "/usr/bin/setpriv";

export class Processes {
  readonly #children: ChildProcess[] = [];
  readonly #onExit = () => this.#killAll();

  constructor() {
    process.on("exit", this.#onExit);
  }

  /** Starts one and leaves it running. */
  async start(command: readonly string[], { env, logPath }: ProcessOptions): Promise<void> {
    this.#children.push(await spawnLogged(command, env, logPath));
  }

  /** Runs one to its end; throws when it fails. */
  async run(command: readonly string[], { env, logPath }: ProcessOptions): Promise<void> {
    const child = await spawnLogged(command, env, logPath);
    const code = await ended(child);
    if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}; see ${logPath}`);
  }

  /** True while none of those started has ended. */
  get allRunning(): boolean {
    return this.#children.every((child) => child.exitCode === null && child.signalCode === null);
  }

  /** Waits until something listens on this port of loopback; throws when that will not be. */
  async untilAccepting(port: number, msMax: number): Promise<void> {
    const deadline = performance.now() + msMax;
    while (!(await accepts(port))) {
      if (!this.allRunning) throw new Error("one of its processes ended");
      if (performance.now() > deadline) throw new Error(`no answer within ${msMax} ms`);
      await sleep(POLL_MS);
    }
  }

  /** Kills all, last first, and waits until they are gone. */
  async stop(): Promise<void> {
    process.off("exit", this.#onExit);
    const gone = this.#children.map(ended);
    this.#killAll();
    await Promise.all(gone);
  }

  #killAll(): void {
    for (const child of this.#children.toReversed()) child.kill("SIGKILL");
  }
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address !== null && typeof address === "object") ports.push(address.port);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}

async function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function spawnLogged(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  logPath: string,
): Promise<ChildProcess> {
  const log = await open(logPath, "a");
  try {
    // The kernel ends the child with us even when we are killed.
    const guarded = existsSync(PDEATHSIG)
      ? [PDEATHSIG, "--pdeathsig", "KILL", ...command]
      : command;
    const [program = "", ...args] = guarded;
    const child = spawn(program, args, { stdio: ["ignore", log.fd, log.fd], env });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve).once("error", reject);
    });
    child.unref();
    return child;
  } finally {
    await log.close();
  }
}

async function ended(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  child.ref();
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal));
  });
}
