/**
 * One execution environment of AWS Lambda: Lambda's side of the runtime API, and a process that is
 * stopped by SIGSTOP whenever it has nothing to answer.
 *
 * Of the API it has what a runtime uses: next invocation, response, error, and error of the start.
 * It freezes as Lambda does, when the runtime asks for its next event and there is none.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";

const RUNTIME = fileURLToPath(new URL("./lambda-runtime.ts", import.meta.url));
const API = "/2018-06-01/runtime/";
const TIMEOUT_MS = 30_000;

export interface LambdaOptions {
  /** Where the code is. */
  readonly root: string;
  /** `file.function` */
  readonly handler: string;
  readonly env: Readonly<Record<string, string>>;
  /** The folder that is /tmp there. */
  readonly tmp: string;
}

/** What the handler threw, as Lambda tells whoever has invoked it. */
export class FunctionError extends Error {
  readonly errorType: string;

  constructor({ errorType, errorMessage }: { errorType: string; errorMessage: string }) {
    super(errorMessage);
    this.name = "FunctionError";
    this.errorType = errorType;
  }
}

interface Invocation {
  readonly id: string;
  readonly event: unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class LambdaEnvironment {
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #server: Server;
  #output = "";
  /** The runtime's request for its next event, while it has none. */
  #asking: ServerResponse | undefined;
  #waiting: Invocation | undefined;
  #running: Invocation | undefined;
  #initError: FunctionError | undefined;
  #hasEnded = false;

  private constructor(server: Server, { root, handler, env, tmp }: LambdaOptions) {
    this.#server = server.on("request", (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    const { port } = server.address() as AddressInfo;
    const flags = ["--conditions=@headwater/source", "--no-warnings"];
    this.#child = spawn(process.execPath, [...flags, RUNTIME], {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
        LAMBDA_TASK_ROOT: root,
        _HANDLER: handler,
        TMPDIR: tmp,
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
    this.ended = new Promise((resolve) => {
      this.#child.once("close", () => {
        this.#hasEnded = true;
        const error = new Error(`the function has ended: ${this.#output}`);
        for (const invocation of [this.#waiting, this.#running]) invocation?.reject(error);
        resolve();
      });
    });
  }

  /** Resolves when the code outside the handler has run; the environment is frozen then. */
  static async start(options: LambdaOptions): Promise<LambdaEnvironment> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const environment = new LambdaEnvironment(server, options);
    onTestFinished(() => environment.kill());
    await environment.#untilFrozen();
    return environment;
  }

  get isFrozen(): boolean {
    return this.#stateOfProcess() === "T";
  }

  /** Thaws, and resolves with what the handler gave; frozen again as soon as it may be. */
  async invoke(event: unknown = {}): Promise<unknown> {
    const answered = new Promise((resolve, reject) => {
      this.#waiting = { id: randomUUID(), event, resolve, reject };
    });
    answered.catch(() => {});
    this.thaw();
    this.#giveNext();
    const settled = answered.then(
      () => {},
      () => {},
    );
    await settled;
    if (!this.#hasEnded) await this.#untilFrozen();
    return answered;
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** As a function without extensions ends: it is told nothing. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #untilFrozen(): Promise<void> {
    await eventually(
      "the runtime asks for its next event",
      () => {
        if (this.#initError !== undefined) throw this.#initError;
        if (this.#hasEnded) throw new Error(`the function has ended: ${this.#output}`);
        return this.#asking;
      },
      60_000,
    );
    this.freeze();
    await eventually("all of it is stopped", () => (this.isFrozen ? true : undefined));
  }

  #stateOfProcess(): string | undefined {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[0];
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").replace(API, "");
    if (request.method === "GET" && path === "invocation/next") {
      this.#asking = response;
      this.#giveNext();
      return;
    }
    const body = await json(request);
    const [, id, outcome] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    response.writeHead(202, { "content-type": "application/json" });
    response.end(JSON.stringify({ status: "OK" }));
    if (path === "init/error") {
      this.#initError = new FunctionError(body as { errorType: string; errorMessage: string });
    }
    const running = this.#running;
    if (running === undefined || running.id !== id) return;
    this.#running = undefined;
    if (outcome === "response") running.resolve(body);
    else running.reject(new FunctionError(body as { errorType: string; errorMessage: string }));
  }

  #giveNext(): void {
    const [asking, waiting] = [this.#asking, this.#waiting];
    if (asking === undefined || waiting === undefined) return;
    [this.#asking, this.#waiting, this.#running] = [undefined, undefined, waiting];
    asking.writeHead(200, {
      "content-type": "application/json",
      "lambda-runtime-aws-request-id": waiting.id,
      "lambda-runtime-deadline-ms": String(Date.now() + TIMEOUT_MS),
      "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-west-1:123456789012:function:notes",
      "lambda-runtime-trace-id": `Root=1-${"0".repeat(8)}-${"0".repeat(24)};Sampled=0`,
    });
    asking.end(JSON.stringify(waiting.event));
  }
}
