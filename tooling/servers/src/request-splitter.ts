/**
 * Finds where requests begin in the bytes of one connection, without changing a byte.
 *
 * Feed it what arrived; it gives back pieces in order. A piece with a head starts a request.
 */

import { parseRequestHead, type RequestHead } from "./request-head.ts";

export interface Piece {
  readonly bytes: Buffer;
  readonly head?: RequestHead;
}

const HEAD_BYTES_MAX = 64 * 1024;

type State =
  | { readonly at: "head"; readonly seen: Buffer }
  | { readonly at: "body"; readonly left: number }
  | { readonly at: "chunk-size"; readonly line: string }
  | { readonly at: "chunk"; readonly left: number }
  | { readonly at: "trailer"; readonly line: string };

const EMPTY = Buffer.alloc(0);

export class RequestSplitter {
  #state: State = { at: "head", seen: EMPTY };

  /** Takes the next piece off the front of the bytes; undefined when a head is not whole yet. */
  next(bytes: Buffer): { readonly piece: Piece; readonly rest: Buffer } | undefined {
    const state = this.#state;
    switch (state.at) {
      case "head":
        return this.#head(state.seen, bytes);
      case "body": {
        const length = Math.min(state.left, bytes.length);
        const left = state.left - length;
        this.#state = left === 0 ? { at: "head", seen: EMPTY } : { at: "body", left };
        return cut(bytes, length);
      }
      case "chunk": {
        const length = Math.min(state.left, bytes.length);
        const left = state.left - length;
        this.#state = left === 0 ? { at: "chunk-size", line: "" } : { at: "chunk", left };
        return cut(bytes, length);
      }
      case "chunk-size":
      case "trailer":
        return this.#line(state.at, state.line, bytes);
    }
  }

  #head(seen: Buffer, bytes: Buffer) {
    const all = seen.length === 0 ? bytes : Buffer.concat([seen, bytes]);
    const end = all.indexOf("\r\n\r\n", Math.max(0, seen.length - 3), "latin1");
    if (end < 0) {
      if (all.length > HEAD_BYTES_MAX) throw new Error("the head of a request is too long");
      this.#state = { at: "head", seen: all };
      return undefined;
    }
    const head = parseRequestHead(all.toString("latin1", 0, end));
    const { body } = head;
    if (body.type === "none") this.#state = { at: "head", seen: EMPTY };
    else if (body.type === "length") this.#state = { at: "body", left: body.length };
    else this.#state = { at: "chunk-size", line: "" };
    return { piece: { bytes: all.subarray(0, end + 4), head }, rest: all.subarray(end + 4) };
  }

  /** One line of the framing of a chunked body, or a part of it. */
  #line(at: "chunk-size" | "trailer", before: string, bytes: Buffer) {
    const newline = bytes.indexOf(10);
    const length = newline < 0 ? bytes.length : newline + 1;
    const line = before + bytes.toString("latin1", 0, length);
    if (line.length > HEAD_BYTES_MAX) throw new Error("a line of a chunked body is too long");
    if (newline < 0) this.#state = { at, line };
    else if (at === "trailer") {
      this.#state = line.trim() === "" ? { at: "head", seen: EMPTY } : { at, line: "" };
    } else {
      const size = Number.parseInt(line, 16);
      // Data is followed by an empty line, which is forwarded as a part of it.
      this.#state = size > 0 ? { at: "chunk", left: size + 2 } : { at: "trailer", line: "" };
    }
    return cut(bytes, length);
  }
}

function cut(bytes: Buffer, length: number) {
  return { piece: { bytes: bytes.subarray(0, length) }, rest: bytes.subarray(length) };
}
