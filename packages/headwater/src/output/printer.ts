/**
 * Where everything goes that the program says.
 *
 * Always true:
 *   - Results go to standard output, and nothing else does: with `--json`, one JSON document.
 *   - Progress, remarks and failures go to standard error. Progress only where somebody looks.
 *   - Colors only where somebody looks and has not forbidden them (NO_COLOR).
 */

import { type Options as BarOptions, SingleBar } from "cli-progress";
import pc from "picocolors";
import type { Io } from "../system.ts";
import { toJson } from "./json.ts";
import { formatTable, type TableRow } from "./table.ts";
import { formatBytes } from "./units.ts";

export interface PrinterOptions {
  readonly isJson: boolean;
}

type Colors = ReturnType<typeof pc.createColors>;

const BAR: BarOptions = {
  format: "{what} {bar} {percentage}% {done} of {all}, {eta_formatted} left",
  barsize: 30,
  hideCursor: true,
  clearOnComplete: true,
  stopOnComplete: false,
  etaBuffer: 50,
};

export class Printer {
  readonly colors: Colors;
  readonly isJson: boolean;
  readonly #io: Io;
  readonly #errColors: Colors;
  #bar: SingleBar | undefined;
  #isQuiet = false;

  constructor(io: Io, { isJson }: PrinterOptions) {
    this.#io = io;
    this.isJson = isJson;
    this.colors = pc.createColors(wantsColors(io, io.outIsTerminal));
    this.#errColors = pc.createColors(wantsColors(io, io.errIsTerminal));
  }

  /** No progress and no remarks from now on. */
  quiet(): void {
    this.#isQuiet = true;
  }

  /** The result: as JSON if that was asked for, and else in words. */
  result(value: unknown, words: () => string): void {
    this.finish();
    this.#io.out(this.isJson ? `${toJson(value)}\n` : words());
  }

  /** One of many results that come one after another: each a line of JSON. */
  event(value: unknown, words: () => string): void {
    this.finish();
    this.#io.out(this.isJson ? `${toJson(value, 0)}\n` : `${words()}\n`);
  }

  table(head: readonly string[], rows: readonly TableRow[]): string {
    return formatTable(head, rows, this.colors.dim);
  }

  /** Something to know, for people. */
  remark(sentence: string): void {
    if (this.#isQuiet) return;
    this.finish();
    this.#io.err(`${sentence}\n`);
  }

  failure(code: string, sentence: string): void {
    this.finish();
    if (this.isJson) this.#io.err(`${toJson({ error: { code, message: sentence } }, 0)}\n`);
    else this.#io.err(`${this.#errColors.red("headwater:")} ${sentence}\n`);
  }

  /** How far a long piece of work is. */
  progress(what: string, bytesDone: number, bytesTotal: number): void {
    if (this.#isQuiet || !this.#io.errIsTerminal) return;
    const values = { what, done: formatBytes(bytesDone), all: formatBytes(bytesTotal) };
    if (this.#bar === undefined) {
      this.#bar = new SingleBar(BAR);
      this.#bar.start(Math.max(1, bytesTotal), bytesDone, values);
    } else {
      this.#bar.setTotal(Math.max(1, bytesTotal));
      this.#bar.update(bytesDone, values);
    }
  }

  /** Takes the progress away, so that something else can be written. */
  finish(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

function wantsColors({ env }: Io, isTerminal: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = env;
  if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "" && FORCE_COLOR !== "0") return true;
  return isTerminal && TERM !== "dumb";
}
