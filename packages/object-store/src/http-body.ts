/**
 * Bodies of answers, read to the last byte or torn off: a body that is left open keeps its socket.
 *
 * Bytes go where they belong as they come; a body of announced size is never held twice. The stream
 * must leave its chunks to whoever reads it, as those of Node.js do.
 */

import type { Readable } from "node:stream";
import { letGo } from "./let-go.ts";
import { BODY_BYTES_MAX } from "./limits.ts";

/** Told of bytes as they come. */
export type CountBytes = (bytes: number) => void;

/** Rejects when the size is not the announced one. An abort comes as an error of the stream. */
export async function readBody(
  stream: Readable,
  size: number | undefined,
  count: CountBytes = () => {},
): Promise<Uint8Array> {
  try {
    return await (size === undefined ? collect(stream, count) : fill(stream, size, count));
  } finally {
    stream.destroy();
  }
}

function fill(stream: Readable, size: number, count: CountBytes): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (size > BODY_BYTES_MAX) throw new RangeError(`a body of ${size} bytes is too large`);
    const body = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
    let offset = 0;
    stream.on("data", (chunk: Uint8Array) => {
      count(chunk.byteLength);
      if (offset + chunk.byteLength > size) {
        stream.destroy(new Error(`the body has more than the ${size} bytes announced`));
        return;
      }
      body.set(chunk, offset);
      offset += chunk.byteLength;
      letGo(chunk);
    });
    stream.once("error", reject);
    stream.once("close", () => {
      // After each end, too, where an error that nobody hears of would cost a tenth of a small get.
      if (!stream.readableEnded) reject(new Error("the connection was closed within the body"));
    });
    stream.once("end", () => {
      if (offset === size) resolve(body);
      else reject(new Error(`the body has ${offset} bytes, but ${size} were announced`));
    });
  });
}

async function collect(stream: Readable, count: CountBytes): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    count(chunk.byteLength);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
