/**
 * A fake of Google Cloud Storage on loopback: its JSON API, and the reads of its XML API.
 *
 * Always true:
 *   - A request is handled in one step when its body has come whole. One that breaks off did
 *     nothing.
 *   - Who may do what is not checked. Objects are in memory and gone when it stops.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Buckets } from "./buckets.ts";
import { readCall, sendReply } from "./http.ts";
import { answer, type State } from "./routes.ts";
import { Uploads } from "./uploads.ts";
import { WriteRate } from "./write-rate.ts";

export interface GcsFakeOptions {
  /** 0: any free one. */
  readonly port?: number | undefined;
  /** There from the start. */
  readonly buckets?: readonly string[] | undefined;
  /** More writes of one object are answered with 429; undefined: no limit. Google's is about 1. */
  readonly writesPerObjectPerSecond?: number | undefined;
}

export interface GcsFake {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  stop(): Promise<void>;
}

export async function startGcsFake(options: GcsFakeOptions = {}): Promise<GcsFake> {
  const { buckets: names = [], port = 0, writesPerObjectPerSecond } = options;
  const nowMs = () => Date.now();
  const buckets = new Buckets(new WriteRate(writesPerObjectPerSecond, nowMs), nowMs);
  for (const name of names) buckets.create(name);
  const state: State = { buckets, uploads: new Uploads(buckets) };
  const server = createServer((request, response) => void serve(state, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    sendReply(response, answer(state, await readCall(request)));
  } catch {
    // The client is gone, and nobody is left to answer.
    response.destroy();
  }
}
