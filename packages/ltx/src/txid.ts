/**
 * Txid: the number of a transaction, and its text form.
 *
 * Always true:
 *   - A Txid is 1..2^64-1. "No transaction yet" is `undefined`, never zero.
 *   - Text forms have a fixed width, so that the order of keys is the order of transactions.
 */
import { TXID_MAX } from "./limits.ts";

declare const txidBrand: unique symbol;

/** 1..2^64-1. "No transaction yet" is `undefined`, never zero. */
export type Txid = bigint & { readonly [txidBrand]: true };

const TXID_TEXT = /^[0-9a-f]{16}$/;

export function isTxid(value: bigint): value is Txid {
  return value >= 1n && value <= TXID_MAX;
}

export function toTxid(value: bigint): Txid {
  if (!isTxid(value)) throw new RangeError(`txid out of range: ${value}`);
  return value;
}

/** The txid after this one; a RangeError after the last. */
export function nextTxid(txid: Txid): Txid {
  return toTxid(txid + 1n);
}

/** Sixteen lower-case hex digits. */
export function formatTxid(txid: Txid): string {
  return txid.toString(16).padStart(16, "0");
}

/** The txid that a text of exactly sixteen lower-case hex digits names, or undefined. */
export function parseTxid(text: string): Txid | undefined {
  if (!TXID_TEXT.test(text)) return undefined;
  const value = BigInt(`0x${text}`);
  return isTxid(value) ? value : undefined;
}
