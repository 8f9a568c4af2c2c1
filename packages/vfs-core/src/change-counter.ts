/**
 * The number that stands for a transaction where SQLite looks for its change counter.
 *
 * Always true: it grows with the transaction, by as much. So do the numbers of write mode with
 * each commit, and after a change of modes each goes on from the last of the other: within 2^32
 * changes no number comes back, and nothing that a connection has cached is taken for something
 * newer.
 *
 * How far it is ahead of the transaction, in steps of 2^24, is the number of the history: native
 * code (patchPageOne) makes SQLite read its schema again when that changes, since another history
 * may have another schema under the same number of changes of it.
 */

const HISTORY_BITS = 24;
const HISTORY = 2 ** HISTORY_BITS;
const HISTORIES = 2 ** (32 - HISTORY_BITS);

export class ChangeCounter {
  #aheadOfTxid = 0;

  at(txid: bigint): number {
    return (low(txid) + this.#aheadOfTxid) >>> 0;
  }

  /** From now on this transaction has that number. */
  goOnFrom(number: number, txid: bigint): void {
    this.#aheadOfTxid = (number - low(txid)) >>> 0;
  }

  /** The transaction is of another history; its number is above that one, which was the last. */
  goOnInAnother(last: number, txid: bigint): void {
    const above = Math.ceil((last + 1 - low(txid)) / HISTORY);
    const next = Math.floor((this.#aheadOfTxid + HISTORY / 2) / HISTORY) + 1;
    this.#aheadOfTxid = (Math.max(above, next) % HISTORIES) * HISTORY;
  }
}

function low(txid: bigint): number {
  return Number(BigInt.asUintN(32, txid));
}
