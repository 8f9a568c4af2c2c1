/**
 * The name of an LTX file: its first and last txid.
 *
 * Anything else found beside LTX files (temporary files, other spellings) is not a file name:
 * parsing gives undefined, and a listing skips it.
 */
import { formatTxid, parseTxid, type Txid } from "./txid.ts";

export interface TxidRange {
  readonly minTxid: Txid;
  readonly maxTxid: Txid;
}

const FILE_NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.ltx$/;

export function formatFileName(minTxid: Txid, maxTxid: Txid): string {
  if (minTxid > maxTxid) throw new RangeError(`txid range runs backwards: ${minTxid}..${maxTxid}`);
  return `${formatTxid(minTxid)}-${formatTxid(maxTxid)}.ltx`;
}

/** The txids of a base name such as `0000000000000001-0000000000000009.ltx`, or undefined. */
export function parseFileName(name: string): TxidRange | undefined {
  const match = FILE_NAME.exec(name);
  if (match === null) return undefined;
  const minTxid = parseTxid(match[1] as string);
  const maxTxid = parseTxid(match[2] as string);
  if (minTxid === undefined || maxTxid === undefined || minTxid > maxTxid) return undefined;
  return { minTxid, maxTxid };
}
