/**
 * What Lambda's Node.js runtime does: loads the handler that `_HANDLER` names, then asks for one
 * event after another and gives back what the handler makes of it.
 */

import { Agent, request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

type Handler = (event: unknown) => Promise<unknown>;

const { AWS_LAMBDA_RUNTIME_API = "", LAMBDA_TASK_ROOT = "", _HANDLER = "" } = process.env;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

interface Answer {
  readonly requestId: string;
  readonly body: string;
}

function call(method: "GET" | "POST", path: string, body?: unknown): Promise<Answer> {
  const url = `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/${path}`;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent }, (response) => {
      const requestId = String(response.headers["lambda-runtime-aws-request-id"]);
      text(response).then((body) => resolve({ requestId, body }), reject);
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function describe(error: unknown) {
  const { name, message, stack = "" } = error as Error;
  return { errorType: name, errorMessage: message, stackTrace: stack.split("\n").slice(1) };
}

async function loadHandler(): Promise<Handler> {
  const [file, name = ""] = _HANDLER.split(".");
  const path = join(LAMBDA_TASK_ROOT, `${file}.mjs`);
  const module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, Handler>>;
  return module[name] as Handler;
}

async function run(): Promise<never> {
  let handler: Handler;
  try {
    handler = await loadHandler();
  } catch (error) {
    await call("POST", "init/error", describe(error));
    process.exit(1);
  }
  for (;;) {
    const { requestId, body } = await call("GET", "invocation/next");
    const at = `invocation/${requestId}`;
    await handler(JSON.parse(body)).then(
      (value) => call("POST", `${at}/response`, value),
      (error) => call("POST", `${at}/error`, describe(error)),
    );
  }
}

await run();
