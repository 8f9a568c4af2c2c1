/**
 * Bare requests on kept connections, without SDK, signing or SQLite: what the wire allows.
 */

import { Agent, get, type IncomingMessage, request } from "node:http";
import type { Job } from "../job.ts";

/** Parallel requests for everything: few enough to share the connections, enough to fill them. */
const PARTS_MAX = 16;
const PART_BYTES_MIN = 256 * 1024;

export class Wire {
  readonly #job: Job;
  readonly #agent: Agent;

  constructor(job: Job, maxSockets = PARTS_MAX) {
    this.#job = job;
    this.#agent = new Agent({ keepAlive: true, maxSockets });
  }

  range(offset: number, length: number): Promise<Buffer> {
    const last = Math.min(offset + length, this.#job.objectBytes) - 1;
    const headers = { range: `bytes=${offset}-${last}` };
    return new Promise((resolve, reject) => {
      get(this.#job.objectUrl, { agent: this.#agent, headers }, (response) => {
        resolve(bodyOf(response, 206));
      }).on("error", reject);
    });
  }

  put(body: Uint8Array): Promise<Buffer> {
    const headers = { "content-length": body.length };
    return new Promise((resolve, reject) => {
      const options = { method: "PUT", agent: this.#agent, headers };
      const sent = request(this.#job.putUrl, options, (response) => {
        resolve(bodyOf(response, 200));
      });
      sent.on("error", reject).end(body);
    });
  }

  /** The whole object, all parts at once, given out in order. */
  async *parts(): AsyncGenerator<Buffer, void, undefined> {
    const { objectBytes } = this.#job;
    const partBytes = Math.max(PART_BYTES_MIN, Math.ceil(objectBytes / PARTS_MAX));
    const parts: Promise<Buffer>[] = [];
    for (let offset = 0; offset < objectBytes; offset += partBytes) {
      const part = this.range(offset, partBytes);
      part.catch(() => undefined);
      parts.push(part);
    }
    for (const part of parts) yield await part;
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function bodyOf(response: IncomingMessage, expectedStatus: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  if (response.statusCode === expectedStatus) return Buffer.concat(chunks);
  throw new Error(`a bare request was answered ${response.statusCode}`);
}
