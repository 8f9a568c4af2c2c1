/**
 * What is written down of a restore that is under way, so that the next one goes on where it ended.
 *
 * Always true: when a record counts a piece as done, its pages are in the file beside it and on the
 * disk, and its CRC is that of the bytes which the store gave.
 *
 * Only the first file of a plan, which is the large one as a rule, is remembered. The others are
 * applied again: together they hold every page that changed after it, so whatever of them is in the
 * file already is overwritten, as long as the new plan reaches as far as the old one.
 */

import { createHash } from "node:crypto";

const RECORD_VERSION = 1;

export interface RestoreRecord {
  /** Which replica of which store. */
  readonly replica: string;
  readonly pageSize: number;
  /** The first file of the plan, as `nameObject` has it. */
  readonly base: string;
  /** No plan so far reached beyond this transaction. */
  readonly txid: bigint;
  /** By number of the piece, its CRC. */
  readonly pieces: ReadonlyMap<number, PieceSum>;
}

export interface PieceSum {
  readonly crc: bigint;
  /** Bytes that the CRC was made of. */
  readonly length: number;
}

export function encodeRestoreRecord({ txid, pieces, ...record }: RestoreRecord): string {
  const body = JSON.stringify({
    version: RECORD_VERSION,
    ...record,
    txid: txid.toString(),
    pieces: [...pieces].map(([number, { crc, length }]) => [number, crc.toString(16), length]),
  });
  return `${digest(body)}\n${body}\n`;
}

/** Undefined for anything that is not a whole record. */
export function decodeRestoreRecord(text: string): RestoreRecord | undefined {
  const [sum, body] = text.split("\n", 2);
  if (body === undefined || sum !== digest(body)) return undefined;
  const { version, replica, pageSize, base, txid, pieces } = JSON.parse(body) as {
    readonly version: number;
    readonly replica: string;
    readonly pageSize: number;
    readonly base: string;
    readonly txid: string;
    readonly pieces: readonly (readonly [number, string, number])[];
  };
  if (version !== RECORD_VERSION) return undefined;
  const sums = pieces.map(
    ([number, crc, length]) => [number, { crc: BigInt(`0x${crc}`), length }] as const,
  );
  return { replica, pageSize, base, txid: BigInt(txid), pieces: new Map(sums) };
}

function digest(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}
