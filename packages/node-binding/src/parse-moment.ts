/**
 * Earlier moments of a database as people write them: a time (parse-time.ts), or a transaction, as
 * 16 hex digits like `PRAGMA headwater_txid` shows it or as `txid:42`.
 */

import { isTxid } from "@headwater/ltx";
import { HeadwaterError, type Moment } from "@headwater/vfs-core";

const HEX_TXID = /^[0-9a-f]{16}$/i;
const DECIMAL_TXID = /^txid:\s*(\d{1,20})$/i;

/** Rejects with OPTION_INVALID for what is no moment. */
export async function parseMoment(text: string, nowMs: number): Promise<Moment> {
  const trimmed = text.trim();
  const decimal = DECIMAL_TXID.exec(trimmed)?.[1];
  if (decimal !== undefined) return toTxidMoment(BigInt(decimal));
  if (HEX_TXID.test(trimmed)) return toTxidMoment(BigInt(`0x${trimmed}`));
  // Words of many languages: not to be loaded by programs that stay in the present.
  const { parseTime } = await import("./parse-time.ts");
  const timestampMs = parseTime(trimmed, nowMs);
  if (timestampMs !== undefined) return { type: "timestamp", timestampMs };
  throw new HeadwaterError(
    "OPTION_INVALID",
    `"${text}" is no moment; give a time such as "2026-01-15T10:30:00Z" or "5 minutes ago", ` +
      'a transaction as 16 hex digits or as "txid:42", or "latest" for the present',
  );
}

function toTxidMoment(txid: bigint): Moment {
  if (isTxid(txid)) return { type: "txid", txid };
  throw new HeadwaterError("OPTION_INVALID", `${txid} is no transaction; they count from 1`);
}
