/**
 * What the processes of a soak tell, one line of JSON each, and what they are told.
 */

import type { Task } from "../processes/news.ts";
import type { Sample } from "./growth.ts";
import type { Look, StockSizes, Tally } from "./stock.ts";

export type SoakNews =
  /** A writer: everything up to this transaction is in the bucket. */
  | { readonly type: "durable"; readonly number: number }
  /** A reader has looked, and that took so long. */
  | { readonly type: "looked"; readonly look: Look; readonly tookMs: number }
  /** A reader kept a transaction open for a while, and saw the same at its end. */
  | { readonly type: "held" }
  /** What it needed was no longer anywhere: a reader is told so, and begins another transaction. */
  | { readonly type: "gone"; readonly why: string }
  | { readonly type: "wrong"; readonly why: string }
  | { readonly type: "sampled"; readonly sample: Sample }
  /** It has done what it had to; its local image is complete. */
  | { readonly type: "finished"; readonly facts: WriterFacts | ReaderFacts };

export interface WriterFacts {
  readonly tally: Tally;
  readonly files: number;
}

export interface ReaderFacts {
  readonly polls: number;
  readonly requests: number;
  readonly listings: number;
  /** Of the image, made complete again. */
  readonly hydratedCount: number;
}

export interface SoakTask extends Task {
  readonly imagePath: string;
}

export interface SoakWriterTask extends SoakTask {
  readonly perSecond: number;
  readonly sizes: StockSizes;
}
