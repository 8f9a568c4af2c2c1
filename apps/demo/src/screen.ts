/**
 * What a person sees: one line for each step as it happens, in one screen of 80 by 24.
 */

import { styleText } from "node:util";
import type { StepReport } from "./role-messages.ts";

const WIDTH = 78;
const TIME_WIDTH = 11;
const REQUESTS_WIDTH = 10;
const LABEL_WIDTH = WIDTH - TIME_WIDTH - REQUESTS_WIDTH;

export interface Ending {
  readonly files: number;
  readonly bytes: number;
  readonly kept: boolean;
  readonly seconds: number;
}

export class Screen {
  readonly #stream: NodeJS.WriteStream;
  #requests = 0;
  #url = "";

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  begin(url: string): void {
    this.#url = url;
    this.#line(this.#style("bold", "Headwater: one SQLite database in object storage"));
    this.#line(shorten(url, WIDTH));
    const heads = "time".padStart(TIME_WIDTH) + "requests".padStart(REQUESTS_WIDTH);
    this.#line(this.#style("dim", " ".repeat(LABEL_WIDTH) + heads));
  }

  heading(text: string): void {
    this.#line(this.#style("bold", text));
  }

  step(label: string, { ms, requests }: StepReport): void {
    this.#requests += requests;
    const numbers = duration(ms).padStart(TIME_WIDTH) + String(requests).padStart(REQUESTS_WIDTH);
    this.#line(`   ${label}`.padEnd(LABEL_WIDTH) + numbers);
  }

  end({ files, bytes, kept, seconds }: Ending): void {
    const what = `${files} LTX files, ${(bytes / 1000).toFixed(1)} kB`;
    const fate = kept ? "They stay where they are." : "Nothing of it is left.";
    this.#line("");
    this.#line("All three processes saw the same rows.");
    this.#line(`The store held ${what}. ${fate}`);
    if (kept) this.#line(`   ${shorten(this.#url, WIDTH - 3)}`);
    this.#line(`${this.#requests} requests in ${seconds.toFixed(1)} s, processes included.`);
  }

  #line(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  /** Plain where the stream is no terminal, or NO_COLOR asks for it. */
  #style(format: "bold" | "dim", text: string): string {
    return styleText(format, text, { stream: this.#stream });
  }
}

/** Always with a decimal point in the same place for one unit. */
function duration(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s `;
  if (ms >= 0.1) return `${ms.toFixed(1)} ms`;
  return `${(ms * 1000).toFixed(1)} µs`;
}

function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const half = Math.floor((length - 1) / 2);
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}
