/**
 * Moments of a replica on a command line: `--time` and `--txid`.
 */

import { parseDuration, parseTime } from "@headwater/node-binding/text";
import { type PlanTarget, systemClock } from "@headwater/vfs-core";
import type { Command } from "commander";
import { UsageError } from "./exit-codes.ts";

export interface MomentOptions {
  readonly time?: string;
  readonly txid?: string;
}

const TXID_MAX = (1n << 64n) - 1n;
const HEX_TXID = /^[0-9a-f]{16}$/;
const DECIMAL_TXID = /^[1-9][0-9]{0,15}$/;

export function momentOptions(command: Command): Command {
  return command
    .option("--time <moment>", 'before then: RFC 3339, or "5 minutes ago"; UTC unless it says more')
    .option("--txid <number>", "up to this transaction: a number, or its 16 hexadecimal digits");
}

export function targetOf({ time, txid }: MomentOptions): PlanTarget {
  if (time !== undefined && txid !== undefined) {
    throw new UsageError("--time and --txid exclude one another");
  }
  if (txid !== undefined) return { type: "txid", txid: txidOf(txid) };
  if (time === undefined || time.toLowerCase() === "latest") return { type: "latest" };
  const timestampMs = parseTime(time, systemClock.nowMs());
  if (timestampMs !== undefined) return { type: "timestamp", timestampMs };
  const forms = '"2026-01-15T10:30:00Z", "5 minutes ago" or "latest"';
  throw new UsageError(`a moment cannot be "${time}"; write it like ${forms}`);
}

function txidOf(text: string): bigint {
  const txid = HEX_TXID.test(text)
    ? BigInt(`0x${text}`)
    : DECIMAL_TXID.test(text)
      ? BigInt(text)
      : 0n;
  if (txid >= 1n && txid <= TXID_MAX) return txid;
  throw new UsageError(`--txid cannot be "${text}"; it is a number from 1 on, or 16 hex digits`);
}

/** Either in one text, as `--at` has it. */
export function parseAt(text: string): PlanTarget {
  const isTxid = HEX_TXID.test(text) || DECIMAL_TXID.test(text);
  return isTxid ? targetOf({ txid: text }) : targetOf({ time: text });
}

/** An option that holds a duration as Go writes it, in milliseconds. */
export function durationOf(name: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 0) return ms;
  throw new UsageError(`${name} cannot be "${text}"; write it like "500ms", "30s" or "24h"`);
}
